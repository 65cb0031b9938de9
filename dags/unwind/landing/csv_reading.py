"""The reading of a CSV file: the user's options, and where its columns are."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from unwind.texts import as_utf8

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
BOM = "\ufeff"


class UnrecognisedFileError(ValueError):
    """Nothing of a file, or of its options, is recognised; the text states what is expected."""


@dataclass(frozen=True)
class ReadOptions:
    """The user's options for the files: `--set`, `--column` and `--rename`, as name -> text."""

    settings: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    renames: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.settings or self.columns or self.renames)

    def as_utf8(self) -> ReadOptions:
        """The same, with texts that a database accepts."""
        return ReadOptions(
            *(
                {as_utf8(name): as_utf8(text) for name, text in each.items()}
                for each in (self.settings, self.columns, self.renames)
            )
        )


@dataclass(frozen=True)
class Reading:
    """How a file is read. Places of columns count from 1.

    `width` is the number of fields of a row; from the line `appended_from` on rows may be wider.
    `settings` are the values stated for the whole file, `pattern` makes the instrument's name of a
    column (text before, place, text after), `renames` are spellings replaced in it, `venue_names`
    the spellings of the venue in a file of several.
    """

    separator: str
    header: tuple[str, ...] | None
    columns: Mapping[str, int]
    width: int
    appended_from: int | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    pattern: tuple[str, int, str] | None = None
    renames: Mapping[str, str] = field(default_factory=dict)
    venue_names: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The form that the manifest keeps and staging reads."""
        return {
            "separator": self.separator,
            "header": list(self.header) if self.header else None,
            "columns": dict(self.columns),
            "width": self.width,
            "appended_from": self.appended_from,
            "settings": dict(self.settings),
            "pattern": list(self.pattern) if self.pattern else None,
            "renames": dict(self.renames),
            "venue_names": list(self.venue_names),
        }


def split_line(text: str, separator: str) -> list[str]:
    """The fields of a line, without quotes and spaces around them."""
    if '"' not in text:
        return [value.strip(" ") for value in text.split(separator)]
    try:
        row = next(csv.reader([text], delimiter=separator, skipinitialspace=True), [])
    except csv.Error:
        # A lone carriage return or a field of more than 128 KiB: the line is garbled.
        row = text.split(separator)
    return [value.strip(" ") for value in row]


def described(reading: Reading) -> str:
    """The reading in a sentence: separator, columns recognised, what is stated, what is ignored."""
    named = ", ".join(
        f"{name} ({reading.header[place - 1]})"
        if reading.header and reading.header[place - 1].lower() != name
        else name
        if reading.header
        else f"{name} (column {place})"
        for name, place in sorted(reading.columns.items(), key=lambda item: item[1])
    )
    parts = [f"{SEPARATORS[reading.separator]}, {'a' if reading.header else 'no'} header"]
    parts.append(f"columns: {named}")
    stated = [f"{name}={value}" for name, value in sorted(reading.settings.items())]
    if reading.pattern:
        before, place, after = reading.pattern
        stated.append(f"instrument={before}{{column {place}}}{after}")
    if stated:
        parts.append("stated: " + ", ".join(stated))
    if reading.ignored:
        parts.append("ignored: " + ", ".join(reading.ignored))
    if reading.appended_from:
        parts.append(f"ignored from line {reading.appended_from} on: what is appended there")
    return "; ".join(parts)


def texts(lines_path: Path) -> Iterator[tuple[int, str]]:
    """The numbered lines that are not blank, without a byte order mark."""
    with pq.ParquetFile(lines_path) as file:
        for batch in file.iter_batches():
            numbers, texts = (column.to_pylist() for column in batch.columns)
            for number, text in zip(numbers, texts, strict=True):
                clean = text.removeprefix(BOM) if number == 1 else text
                if clean.strip():
                    yield number, clean


def normalised(name: str) -> str:
    """A column's name in small letters, with underscores for all else."""
    return re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")
