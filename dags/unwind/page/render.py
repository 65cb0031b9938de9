"""A snapshot of a release as one HTML file that loads nothing from anywhere."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from unwind.page.figures import ASSET, Figure
from unwind.page.reading import ALL, Reading, Row, Snapshot
from unwind.page.takeaways import Part, takeaway
from unwind.page.wording import TEXTS, Kind, cell, instant, is_known, markup

ASSETS_FOLDER = Path(__file__).with_name("assets")
VENDOR = Path(__file__).with_name("vendor")
LICENCES = ("echarts.NOTICE", "zrender.LICENSE", "echarts.LICENSE-d3")
# An hour is landed, settled and published within one; the third is for what goes wrong once.
STALE_HOURS = 3
# Texts that may be long: they wrap.
_LONG = {"message", "detail", "brief", "headline"}
_CHECK = "Check it: "


def render(snapshot: Snapshot) -> str:
    """The page. The same snapshot gives the same bytes."""
    styles = _asset("page.css")
    library = (VENDOR / "echarts.min.js").read_text(encoding="utf-8")
    script = _asset("page.js") + _asset("charts.js")
    brief = snapshot.readings["brief"]
    page: str = _template().render(
        policy=_trusted(_policy([styles], [library, script])),
        title=_title(snapshot),
        styles=_trusted(styles),
        library=_trusted(library),
        script=_trusted(script),
        snapshot=snapshot,
        hour=instant(snapshot.hour_at) if snapshot.hour_at else "",
        as_of=instant(snapshot.as_of_at) if snapshot.as_of_at else "",
        as_of_time=_time(snapshot.as_of_at),
        stale_hours=STALE_HOURS,
        late_hours=_late_hours(snapshot),
        asset_names={one: "All assets" if one == ALL else one for one in snapshot.assets},
        gate_outcome=snapshot.release.get("gate_outcome"),
        gate_warnings=snapshot.release.get("gate_warnings"),
        answers=[_answer(row) for row in _by_asset(brief, snapshot)],
        brief={
            "absent": _none(brief) or brief.figure.absent,
            "details": _details(brief, snapshot),
        },
        sections=list(_sections(snapshot)),
        licences="\n\n".join((VENDOR / name).read_text(encoding="utf-8") for name in LICENCES),
    )
    return page


def _trusted(text: str) -> Markup:
    """A text that is HTML already: files of this package, and what `wording` has escaped."""
    return Markup(text)  # noqa: S704


def _policy(styles: Sequence[str], scripts: Sequence[str]) -> str:
    """A Content-Security-Policy that runs and applies these texts and loads nothing."""
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {' '.join(map(_source, scripts))}",
            f"style-src {' '.join(map(_source, styles))}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _source(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


@cache
def _template() -> Any:
    environment = Environment(
        loader=FileSystemLoader(ASSETS_FOLDER), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("page.html.j2")


@cache
def _asset(name: str) -> str:
    return (ASSETS_FOLDER / name).read_text(encoding="utf-8")


def _title(snapshot: Snapshot) -> str:
    demo = "Demo: " if snapshot.is_demo else ""
    if not snapshot.as_of_at:
        return f"{demo}Unwind"
    return f"{demo}Liquidations to {snapshot.as_of_at:%Y-%m-%d %H:%M} UTC | Unwind"


def _late_hours(snapshot: Snapshot) -> int | None:
    """How many hours late the release was, where that is worth a warning."""
    age = snapshot.age_at_publication
    # The demo publishes a market of another year.
    if age is None or snapshot.is_demo:
        return None
    hours = int(age.total_seconds() // 3600)
    return hours if hours >= STALE_HOURS else None


def _time(value: Any) -> Markup:
    return _trusted(markup(value, Kind.TIME, zone=" UTC"))


def _by_asset(reading: Reading, snapshot: Snapshot) -> Iterator[Row]:
    for asset in snapshot.assets:
        yield from reading.of(asset)


def _answer(row: Row) -> dict[str, Any]:
    """The newest hour of an asset: its sentences and its key figures."""
    headline = str(row["headline"] or "")
    text = str(row["brief"] or "").removeprefix(headline).partition(_CHECK)[0]
    return {
        "asset": row[ASSET],
        "available": _time(row["available_at"]) if row["available_at"] else None,
        "headline": headline,
        "sentences": [one for one in re.split(r"(?<=\.) (?=[A-Z])", text.strip()) if one],
        "tiles": list(_tiles(row)),
    }


def _tiles(row: Row) -> Iterator[dict[str, Any]]:
    bound = "≥ " if row["is_lower_bound"] else ""

    def put(column: str, kind: Kind) -> str:
        return markup(row[column], kind, column)

    def tile(label: str, big: str, sub: str = "", look: str = "") -> dict[str, Any]:
        return {"label": label, "big": _trusted(big), "sub": _trusted(sub), "look": look}

    for side in ("long", "short"):
        known = is_known(row[f"{side}_usd"])
        big = (bound if known else "") + put(f"{side}_usd", Kind.USD)
        sub = f"estimate {put(f'{side}_usd_mid', Kind.USD)}; {_range(row, f'{side}_usd', Kind.USD)}"
        yield tile(f"{side.capitalize()}s liquidated", big, sub if known else "not known", side)
    sub = _range(row, "long_share", Kind.SHARE)
    if row["is_dominant_side_open"]:
        sub += "; which side is larger remains open"
    yield tile("Long share", put("long_share", Kind.SHARE), sub)
    parts = [put("regime", Kind.WORD) if is_known(row["regime"]) else "no regime"]
    if is_known(row["score_percentile"]):
        parts.append(f"percentile {put('score_percentile', Kind.NUMBER)} of 90 days")
    yield tile("Stress score", put("score", Kind.NUMBER), ", ".join(parts))
    parts = []
    if is_known(row["episodes_7d"]):
        parts.append(f"{put('episodes_7d', Kind.COUNT)} waves in 7 days")
    if is_known(row["oi_change_24h_share"]):
        parts.append(f"open interest {put('oi_change_24h_share', Kind.SHARE)} in 24 h")
    yield tile("Unwind", put("unwind_class", Kind.WORD), "; ".join(parts))
    sub = ""
    if is_known(row["venues_expected"]):
        missing = ", ".join(filter(None, (row["missing_venue_list"], row["partial_venue_list"])))
        sub = f"of {put('venues_expected', Kind.COUNT)} venues; "
        sub += f"missing or in part: {escape(missing)}" if missing else "none missing"
    yield tile("Reporting", put("venues_reporting", Kind.COUNT), sub)
    if is_known(row["close_usd"]):
        yield tile("Price", put("close_usd", Kind.PRICE), "at the hour's end")


def _range(row: Row, stem: str, kind: Kind) -> str:
    """The 90% interval of a tile's figure."""
    low, high = (markup(row[f"{stem}_{end}"], kind, f"{stem}_{end}") for end in ("low", "high"))
    if not is_known(row[f"{stem}_low"]):
        return "no interval"
    if not is_known(row[f"{stem}_high"]):
        return f"at least {low}, no upper end"
    return f"90%: {low} to {high}"


def _sections(snapshot: Snapshot) -> Iterator[dict[str, Any]]:
    titles = dict.fromkeys(one.figure.section for one in snapshot.readings.values())
    for title in filter(None, titles):
        figures = [one for one in snapshot.readings.values() if one.figure.section == title]
        yield {
            "id": re.sub(r"\W+", "-", title.lower()),
            "title": title,
            "figures": [_card(one, snapshot) for one in figures],
        }


def _card(reading: Reading, snapshot: Snapshot) -> dict[str, Any]:
    figure = reading.figure
    assets = snapshot.assets if figure.is_by_asset else ("",)
    takes = [(asset, takeaway(figure.figure_id, reading.of(asset))) for asset in assets]
    return {
        "id": figure.figure_id,
        "title": figure.title,
        "is_wide": figure.is_wide,
        "has_chart": figure.has_chart,
        "none": _none(reading),
        "takes": [
            {"asset": asset, "text": _trusted(_sentence(parts))} for asset, parts in takes if parts
        ],
        "meta": _meta(figure, snapshot),
        "details": _details(reading, snapshot),
    }


def _none(reading: Reading) -> str | None:
    """Why a figure shows nothing."""
    if reading.problem:
        return (
            f"Not in this release: {reading.problem}. An older version built it; "
            "`unwind refresh` with this one adds it."
        )
    return None if reading.rows else f"No rows: {reading.figure.absent}."


def _sentence(parts: Sequence[Part]) -> str:
    return "".join(
        escape(part)
        if isinstance(part, str)
        else markup(part.value, part.kind, part.column, zone=" UTC")
        for part in parts
    )


def _meta(figure: Figure, snapshot: Snapshot) -> Markup:
    """The figure's window, as-of and how to read its bounds."""
    if not figure.is_hourly or not snapshot.as_of_at:
        return _trusted(f"{escape(figure.window.capitalize())}. {escape(figure.reading)}")
    window = f"{figure.window[:1].upper()}{figure.window[1:]}"
    return _trusted(f"{escape(window)} {_time(snapshot.as_of_at)}. {escape(figure.reading)}")


def _details(reading: Reading, snapshot: Snapshot) -> Markup:
    """The table, and the commands that give it and lead to its facts."""
    parts = []
    if reading.rows:
        table = _table(reading, snapshot)
        if reading.figure.has_chart or reading.figure.is_by_asset:
            parts.append(f"<details><summary>Table of figures</summary>{table}</details>")
        else:
            parts.append(table)
    hour = f"{snapshot.hour_at:%Y-%m-%d %H:%M}" if snapshot.hour_at else "HOUR"
    explained = [
        (asset, _filled(reading.figure.explain, hour, asset))
        for asset in (snapshot.assets if reading.figure.is_by_asset else ("",))
    ]
    parts.append("<details><summary>SQL and lineage</summary>")
    parts.append(f'<p class="by">The rows, of {escape(", ".join(reading.figure.marts))}:</p>')
    parts.append(_code(f"unwind sql {shell_quoted(reading.query)}"))
    parts.append('<p class="by">Down to the raw bytes:</p>')
    for asset, command in explained:
        own = f' data-asset="{escape(asset)}"' if asset else ""
        parts.append(f"<div{own}>{_code(command)}</div>")
    parts.append("</details>")
    return _trusted("".join(parts))


def _filled(command: str, hour: str, asset: str) -> str:
    """The command of a row; the asset stands in SQL within the shell's double quotes."""
    literal = shell_quoted(asset.replace("'", "''"))[1:-1]
    return command.replace("{hour}", hour).replace("{asset}", literal)


def shell_quoted(text: str) -> str:
    """A text within double quotes, as a shell reads it."""
    return '"' + re.sub(r'([\\"$`])', r"\\\1", text) + '"'


def _code(text: str) -> str:
    return f'<div class="code"><pre class="sql" tabindex="0">{escape(text)}</pre></div>'


def _table(reading: Reading, snapshot: Snapshot) -> str:
    """All rows; by asset, in bodies of their own."""
    figure = reading.figure
    columns = figure.shown_columns
    head = "".join(
        f'<th scope="col" data-key="{column.name}" data-kind="{column.kind}"'
        f"{' class=t' if column.kind in TEXTS else ''}>"
        f"{escape(column.label)}"
        f"{' <span class=zone>UTC</span>' if column.kind == Kind.TIME else ''}</th>"
        for column in columns
    )
    bodies = []
    for asset in snapshot.assets if figure.is_by_asset else ("",):
        rows = reading.of(asset)
        if not rows:
            continue
        own = f' data-asset="{escape(asset)}"' if asset else ""
        title = (
            f'<tr class="asset"><th scope="rowgroup" colspan="{len(columns)}">{escape(asset)}'
            if asset
            else ""
        )
        bodies.append(f"<tbody{own}>{title}{''.join(_row(row, figure) for row in rows)}</tbody>")
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(figure.title)}: rows">'
        f'<table data-table="{figure.figure_id}"><caption class="vh">{escape(figure.title)}. '
        f"{escape(figure.reading)}</caption><thead><tr>{head}</tr></thead>"
        f"{''.join(bodies)}</table></div>"
    )


def _row(row: Row, figure: Figure) -> str:
    first, *others = figure.shown_columns
    cells = [f"<tr><th scope=row>{markup(row[first.name], first.kind)}"]
    for column in others:
        text = cell(row[column.name], column.kind)
        if column.name in _LONG:
            text = text.replace("<td class=t>", '<td class="t w">')
        cells.append(text)
    return "".join(cells)
