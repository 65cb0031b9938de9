"""The user's options for a CSV file, checked against its rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb

from unwind.file_formats import Column, time_kind
from unwind.landing.csv_reading import (
    Reading,
    ReadOptions,
    UnrecognisedFileError,
    normalised,
    split_line,
    texts,
)

# Settings of a whole file, not of a column.
FILE_SETTINGS = ("zone",)

_OFFSET = re.compile(r"^(?:UTC)?([+-])(\d{1,2})(?::?00)?$")
_PATTERN = re.compile(r"^([^{}]*)\{([^{}]+)\}([^{}]*)$")


def apply_options(
    found: Reading,
    columns: Sequence[Column],
    lines_path: Path,
    name: str,
    venue: str,
    format: str,
    options: ReadOptions,
) -> Reading:
    """The reading of a mapped format, with what the user stated; every claim is checked."""
    known = {column.name: column for column in columns}
    for option in (*options.settings, *options.columns):
        if option not in known and option not in FILE_SETTINGS:
            raise UnrecognisedFileError(
                f"{format} has no column {option!r}; it has {', '.join(known)} and the setting "
                f"{', '.join(FILE_SETTINGS)}"
            )
    settings = {key: value for key, value in options.settings.items() if key != "venue"}
    pattern = None
    if "{" in settings.get("instrument", ""):
        pattern = _pattern(settings.pop("instrument"), found)
        found = replace(
            found, columns={k: v for k, v in found.columns.items() if k != "instrument"}
        )
    for key, value in settings.items():
        column = known.get(key)
        if column and column.words and value not in column.words:
            raise UnrecognisedFileError(f"{key} is one of {', '.join(column.words)}, not {value!r}")
    if "zone" in settings:
        settings["zone"] = _zone(settings["zone"])
    if format == "reported-csv" and "first_valid_day" in settings:
        _check_day(settings["first_valid_day"])
    _check_volume_unit(found, settings)
    names, left_out = _venue_names(found, lines_path, name, venue, options)
    place = next(found.columns[one] for one in ("open_time", "time") if one in found.columns)
    kinds = _time_kinds(found, lines_path, place)
    if "naive" in kinds and "zone" not in settings:
        raise UnrecognisedFileError(
            f"the times of {name} have no zone ({kinds['naive']!r}); nothing was imported, state "
            "it with --set zone=UTC or, say, --set zone=Europe/Berlin"
        )
    if not kinds:
        raise UnrecognisedFileError(
            f"no row of {name} has a time in column {place}; nothing was imported, check --column"
        )
    used = {*found.columns.values(), *((pattern[1],) if pattern else ())}
    labels = found.header or tuple(f"column {one}" for one in range(1, found.width + 1))
    return replace(
        found,
        settings=settings,
        pattern=pattern,
        renames=dict(options.renames),
        venue_names=names,
        left_out=left_out,
        ignored=tuple(label for at, label in enumerate(labels, start=1) if at not in used),
    )


def _pattern(text: str, found: Reading) -> tuple[str, int, str]:
    parts = _PATTERN.match(text)
    named = parts.group(2) if parts else ""
    header = list(found.header or ())
    place = int(named) if named.isdigit() else header.index(named) + 1 if named in header else 0
    if not parts or not 1 <= place <= found.width:
        raise UnrecognisedFileError(
            f"the instrument's pattern {text!r} names no column of the file; write it as "
            f"'{{coin}}USDT', with one of {', '.join(header) or 'the places 1, 2, ...'}"
        )
    return parts.group(1), place, parts.group(3)


def _zone(text: str) -> str:
    """The zone by its name in the database of zones, which has offsets of whole hours as well."""
    offset = _OFFSET.match(text)
    # Etc/GMT-3 is three hours ahead of Greenwich.
    zone = f"Etc/GMT{'-' if offset[1] == '+' else '+'}{int(offset[2])}" if offset else text
    with duckdb.connect(config={"threads": "1", "memory_limit": "64MiB"}) as connection:
        known = connection.execute(
            "select count(*) from pg_timezone_names() where name = ?", [zone]
        ).fetchone()
    if not known or not known[0]:
        raise UnrecognisedFileError(
            f"no time zone {text!r}; name one as UTC, Europe/Berlin, or as a whole offset: +05:00"
        )
    return zone


def _check_day(text: str) -> None:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise UnrecognisedFileError(
            f"first_valid_day is a day as 2021-01-01, not {text!r}"
        ) from None


def _check_volume_unit(found: Reading, settings: Mapping[str, str]) -> None:
    has_unit = "volume_unit" in found.columns or "volume_unit" in settings
    if "volume" in found.columns and not has_unit:
        raise UnrecognisedFileError(
            "the file has a volume and nothing says its unit; state it with --set "
            "volume_unit=base or --set volume_unit=usd"
        )


def _rows(found: Reading, lines_path: Path) -> Iterator[list[str]]:
    for _, text in texts(lines_path):
        row = split_line(text, found.separator)
        if found.header is None or tuple(row) != found.header:
            yield row


def _time_kinds(found: Reading, lines_path: Path, place: int) -> dict[str, str]:
    """Kind of time -> an example of it."""
    kinds: dict[str, str] = {}
    for row in _rows(found, lines_path):
        if len(row) >= place and (kind := time_kind(row[place - 1])):
            kinds.setdefault(kind, row[place - 1])
    return kinds


def _venue_names(
    found: Reading, lines_path: Path, name: str, venue: str, options: ReadOptions
) -> tuple[tuple[str, ...], dict[str, int]]:
    """How the file spells the venue in its own column, and the rows of others that are left out."""
    place = found.columns.get("venue")
    if place is None:
        return (), {}
    counted = Counter(row[place - 1] for row in _rows(found, lines_path) if len(row) >= place)
    meant = options.settings.get("venue", venue)
    names = tuple(
        sorted(one for one in counted if normalised(one) == normalised(meant) or one == meant)
    )
    if not names:
        raise UnrecognisedFileError(
            f"{name} has no row of {meant}: its column of venues holds "
            f"{', '.join(sorted(counted)[:20])}; say which of them is {venue} with --set venue=NAME"
        )
    return names, {one: rows for one, rows in sorted(counted.items()) if one not in names}
