"""A page as a browser reads it: its tables' raw figures, its sentences and its blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from html.parser import HTMLParser
from typing import Any

VOID = {"meta", "link", "br", "img", "input", "hr"}
# A cell, a row and a body end where the next one begins.
ENDS = {
    "td": {"td", "th"},
    "th": {"td", "th"},
    "tr": {"td", "th", "tr"},
    "tbody": {"td", "th", "tr"},
}


@dataclass
class Element:
    """An element with its attributes and what is in it."""

    tag: str
    attributes: dict[str, str]
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(one if isinstance(one, str) else one.text for one in self.children)

    def all(self, tag: str = "", **attributes: str) -> list[Element]:
        return [
            one
            for one in self._descendants()
            if (not tag or one.tag == tag)
            and all(
                one.attributes.get(key.strip("_").replace("_", "-")) == value
                for key, value in attributes.items()
            )
        ]

    def _descendants(self) -> Iterator[Element]:
        for one in self.children:
            if isinstance(one, Element):
                yield one
                yield from one._descendants()


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        while self.open[-1].tag in ENDS.get(tag, ()):
            self.open.pop()
        element = Element(tag, {key: value or "" for key, value in attrs})
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        while self.open[-1].tag != tag:
            assert self.open[-1].tag in {"td", "th", "tr"}, (self.open[-1], tag)
            self.open.pop()
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def parsed(text: str) -> Element:
    builder = _Builder()
    builder.feed(text)
    builder.close()
    assert builder.open == [builder.root]
    return builder.root


def rows_of(page: Element, figure_id: str) -> list[dict[str, Any]]:
    """A figure's rows as its table has them: `base_asset` is the body's."""
    tables = page.all("table", data_table=figure_id)
    if not tables:
        return []
    [table] = tables
    columns = [
        (one.attributes["data-key"], one.attributes["data-kind"])
        for one in table.all("thead")[0].all("th")
    ]
    rows = []
    for body in table.all("tbody"):
        asset = (
            {"base_asset": body.attributes["data-asset"]} if "data-asset" in body.attributes else {}
        )
        for row in body.all("tr"):
            cells = [one for one in row.children if isinstance(one, Element)]
            if row.attributes.get("class") == "asset":
                assert row.text == asset["base_asset"]
                continue
            values = {
                key: value_of(cell, kind) for (key, kind), cell in zip(columns, cells, strict=True)
            }
            rows.append({**asset, **values})
    return rows


def value_of(cell: Element, kind: str) -> Any:
    """A cell's raw figure; None where it is not known."""
    if cell.attributes.get("class") == "u":
        assert cell.text == "–"  # noqa: RUF001
        return None
    times = cell.all("time")
    if times:
        written = times[0].attributes.get("datetime") or times[0].text
        return datetime.fromisoformat(written).replace(tzinfo=None)
    data = cell.all("data")
    raw = data[0].attributes["value"] if data else cell.text
    if kind in {"flag", "bound"}:
        return {"true": True, "false": False}[raw]
    return raw if kind in {"text", "word"} else float(raw)
