"""File formats: their dataset and, for CSV, their columns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_NAIVE = re.compile(r"^\d{4}-\d{2}-\d{2}([ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)?$")
_WITH_OFFSET = re.compile(
    r"^\d{4}-\d{2}-\d{2}[ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)? ?(Z|[+-]\d{2}(:?\d{2})?)$"
)
_EPOCH = re.compile(r"^\d{9,19}(\.\d+)?$")
_NUMBER = re.compile(r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")
# Common names of a time column.
TIME_ALIASES = ("time", "timestamp", "ts", "ts_utc", "datetime", "date", "t")


@dataclass(frozen=True)
class Column:
    """A column by the name that staging knows it by.

    `holds` is what a value must look like for a file without a header to be recognised: time,
    number or text. An optional column may be absent. `words` are the values it may have.
    """

    name: str
    holds: str = "text"
    is_required: bool = True
    aliases: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    def is_value(self, text: str) -> bool:
        """Whether a text can be a value of this column."""
        if self.words:
            return text in self.words
        if self.holds == "time":
            return time_kind(text) is not None
        if self.holds == "number":
            return _is_number(text)
        return bool(text)


@dataclass(frozen=True)
class CsvFormat:
    """The columns in the order of a file without a header, in one or more variants.

    `is_mapped` formats take the user's own names (`--column`) and fixed values (`--set`); a column
    of them may be stated for a whole file. `needs_header` refuses files without one, unless every
    column is named by its place. `is_anchored` is a format in which a time stands after the
    numbers, so that a row with a comma too many in front of it shows. A file in which a line has
    one of `row_words`, in capitals, or a time in milliseconds is taken by the places of the first
    variant even where nothing of it is recognised.
    """

    variants: tuple[tuple[Column, ...], ...]
    is_mapped: bool = False
    needs_header: bool = False
    is_anchored: bool = False
    row_words: frozenset[str] = frozenset()


@dataclass(frozen=True)
class FileFormat:
    """A format of files by its name, with the dataset that they hold.

    `mixed` is sorted out by the venue's staging models. Where a venue states one that is a format
    of every venue's (`funding-csv`), its files are known by their columns.
    """

    name: str
    dataset: str
    csv: CsvFormat | None = None


def columns(*names: str, holds: Mapping[str, str] | None = None) -> tuple[Column, ...]:
    """Columns that are in every row, by name; `holds` says what is no text."""
    return tuple(Column(name, (holds or {}).get(name, "text")) for name in names)


def time_kind(text: str) -> str | None:
    """How a time is written: epoch, offset (ISO with one or Z), naive (ISO without); or null."""
    if _EPOCH.match(text):
        return "epoch"
    if _WITH_OFFSET.match(text):
        return "offset"
    return "naive" if _NAIVE.match(text) else None


def _is_number(text: str) -> bool:
    return bool(_NUMBER.match(text))
