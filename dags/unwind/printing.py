"""How rows are printed: as a table for people, as CSV or JSON for programs.

Cells are printed as they are. Nothing in them is read as markup, and a control character shows as
its escape instead of reaching the terminal.
"""

from __future__ import annotations

import csv
import json
import math
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from enum import StrEnum
from itertools import islice
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

# A terminal's worth of scrolling; a table of more is for a program to read.
DEFAULT_MAX_ROWS = 100
# What a table without a terminal may take: wide enough for most marts, narrow enough for an editor.
WIDTH_OF_A_PIPE = 240
# Between two columns: a rule with a blank on either side.
COLUMN_GAP = 3
CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class TableFormat(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def print_rows(
    names: Sequence[str],
    rows: Iterable[Sequence[Any]],
    format: TableFormat = TableFormat.TABLE,
    max_rows: int | None = None,
) -> None:
    """Prints rows to standard output. A table ends after `max_rows` and says that there is more."""
    match format:
        case TableFormat.CSV:
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(names)
            writer.writerows(rows)
        case TableFormat.JSON:
            _print_json(names, rows)
        case TableFormat.TABLE:
            _print_table(names, iter(rows), max_rows)


def shown(value: Any) -> str:
    """A cell's text; empty for null."""
    if value is None:
        return ""
    return CONTROL_CHARACTERS.sub(lambda found: f"\\x{ord(found[0]):02x}", str(value))


def json_text(value: Any) -> str:
    """A value as JSON: numbers as numbers (decimals in all their digits), others as text.

    JSON has no NaN and no infinity; they are null.
    """
    match value:
        case None | bool() | int() | str():
            return json.dumps(value, ensure_ascii=False)
        case float():
            return json.dumps(value) if math.isfinite(value) else "null"
        case Decimal():
            return format(value, "f") if value.is_finite() else "null"
        case dict():
            members = (f"{json_text(str(key))}: {json_text(one)}" for key, one in value.items())
            return f"{{{', '.join(members)}}}"
        case list() | tuple():
            return f"[{', '.join(map(json_text, value))}]"
        case bytes():
            return json_text(value.hex())
    return json_text(str(value))


def _print_json(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """One list with one object per line. A repeated name keeps its last value."""
    before = "[\n "
    for row in rows:
        sys.stdout.write(before + json_text(dict(zip(names, row, strict=True))))
        before = ",\n "
    sys.stdout.write("[]\n" if before == "[\n " else "\n]\n")


def _print_table(names: Sequence[str], rows: Iterator[Sequence[Any]], max_rows: int | None) -> None:
    cells = [[shown(value) for value in row] for row in islice(rows, max_rows)]
    console = Console()
    width = console.width if console.is_terminal else max(console.width, WIDTH_OF_A_PIPE)
    console = Console(width=width)
    if _width(names, cells) <= width or not cells:
        table = Table(show_edge=False)
        for name in names:
            table.add_column(Text(name))
        for row in cells:
            table.add_row(*map(Text, row))
        console.print(table, highlight=False)
    else:
        _print_records(console, names, cells)
    if max_rows is not None and next(rows, None) is not None:
        console.print(
            f"The first {max_rows:,} rows; --limit N shows more, --limit 0 all of them.",
            highlight=False,
        )


def _width(names: Sequence[str], cells: Sequence[Sequence[str]]) -> int:
    columns = zip(names, *cells, strict=True)
    return sum(max(map(_longest_line, column)) + COLUMN_GAP for column in columns)


def _longest_line(text: str) -> int:
    return max(map(cell_len, text.split("\n")))


def _print_records(console: Console, names: Sequence[str], cells: list[list[str]]) -> None:
    """Rows that are too wide for the screen: a block per row, a line per column."""
    longest = max(map(cell_len, names))
    for place, row in enumerate(cells, start=1):
        console.print(Text(f"row {place} ".ljust(longest + COLUMN_GAP, "─")), soft_wrap=True)
        for name, cell in zip(names, row, strict=True):
            console.print(Text(f"{name.ljust(longest)} │ {cell}"), soft_wrap=True)
