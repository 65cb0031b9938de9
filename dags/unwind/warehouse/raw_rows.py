"""One row of a raw line: the element of an answer that a fact was read from.

An answer of a venue holds hundreds of rows: a list of objects, a map by symbol, or lists side by
side, one per column. Which of them holds the rows is seen from the fact's own values.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

# What identifies a row, in the words of venues: names and instants, then figures.
NAMES = ("instrument", "asset_name", "raw_side", "raw_quantity", "raw_price")
INSTANTS = ("observed_at", "event_at", "funding_at")
TEXT_OF_A_LINE = ("body", "frame")


def row_of_line(text: str, number: int, fact: Mapping[str, Any]) -> str | None:
    """The row of a raw line that a fact was read from, as JSON; null where that is unclear.

    `fact` is the row of the warehouse, `number` the position that it was read at, from 1, which
    decides between rows that agree with it alike. Null also where the line is no JSON: a line of a
    CSV file is one row.
    """
    try:
        answer = _content(json.loads(text))
    except ValueError:
        return None
    expected = _texts_of(fact)
    found = [(_score(row, expected), place == number, row) for place, row in _rows(answer)]
    score, _, row = max(found, key=lambda one: one[:2], default=(0, False, None))
    return json.dumps(row, ensure_ascii=False) if score else None


def _content(line: Any) -> Any:
    """A venue's payload, without the envelope in which it was landed or recorded."""
    if isinstance(line, dict):
        for name in TEXT_OF_A_LINE:
            if isinstance(line.get(name), str):
                return json.loads(line[name])
    return line


def _rows(part: Any) -> Iterator[tuple[int, Any]]:
    """Everything that may be a row, with its place among its like, from 1."""
    if isinstance(part, list):
        for place, one in enumerate(part, 1):
            if isinstance(one, dict | list):
                yield place, one
                yield from _rows(one)
    if isinstance(part, dict):
        for place, (name, one) in enumerate(part.items(), 1):
            if isinstance(one, dict):
                yield place, {name: one}
            yield from _rows(one)
        lengths = {len(one) for one in part.values() if isinstance(one, list)}
        # Columns side by side: one of them is the rows' time.
        for length in lengths if len(part) > 1 else ():
            for place in range(length):
                yield place + 1, _across(part, place, length)


def _across(part: Any, place: int, length: int) -> Any:
    """A part with each of its lists of that length replaced by the element at that place."""
    if isinstance(part, list) and len(part) == length:
        return part[place]
    if isinstance(part, dict):
        return {name: _across(one, place, length) for name, one in part.items()}
    return part


def _texts_of(fact: Mapping[str, Any]) -> set[str]:
    texts = {str(fact[name]) for name in NAMES if fact.get(name)}
    for name in INSTANTS:
        at = fact.get(name)
        if isinstance(at, datetime):
            seconds = at.replace(tzinfo=UTC).timestamp()
            texts |= {f"{seconds:.0f}", f"{seconds * 1000:.0f}", f"{at:%Y-%m-%dT%H:%M:%S}"}
    return texts


def _score(row: Any, expected: set[str]) -> float:
    """How many of the fact's texts a row has; the shorter of two rows that have as many is it."""
    values = {str(value) for value in _values(row)}
    # An instant may have more digits than a fact's: milliseconds, a zone.
    found = sum(
        one in values or (len(one) > 9 and any(value.startswith(one) for value in values))
        for one in expected
    )
    return found and found - len(values) / 1e6


def _values(row: Any) -> Iterator[Any]:
    if isinstance(row, dict):
        yield from row
        row = list(row.values())
    if isinstance(row, list):
        for one in row:
            yield from _values(one)
    else:
        yield row
