"""How a CSV file is read: its separator, header and columns, with the user's options.

The reading is worked out once, when a file is imported, and is kept with the raw object: staging
reads the same columns at every rebuild. Landed dumps have none and are read as their venue writes
them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from unwind.file_formats import Column, CsvFormat
from unwind.landing.csv_reading import (
    SEPARATORS,
    Reading,
    ReadOptions,
    UnrecognisedFileError,
    normalised,
    split_line,
    texts,
)
from unwind.landing.csv_statements import apply_options
from unwind.landing.formats import dump_of, formats

# A header is at the top of a file; log lines of a collector may precede it.
HEADER_WITHIN_LINES = 50
# Enough rows to recognise a file; staging checks every row.
SAMPLE_LINES = 1_000

EPOCH_MS = re.compile(r"^[0-9]{13}$")


def read_csv(lines_path: Path, name: str, venue: str, format: str, options: ReadOptions) -> Reading:
    """How a file of a CSV format is read.

    Raises UnrecognisedFileError, with what is expected and what was found, where nothing of the
    file is recognised or a column that staging cannot do without is neither there nor stated.
    """
    layout = formats()[format].csv
    if layout is None:
        raise UnrecognisedFileError(f"{format} is no format of CSV files")
    if options and not layout.is_mapped:
        raise UnrecognisedFileError(
            f"{format} takes no --set, --column or --rename: its columns are the venue's own"
        )
    top = list(islice(texts(lines_path), SAMPLE_LINES))
    if top and "\r" in top[0][1]:
        raise UnrecognisedFileError(
            f"the lines of {name} end in carriage returns alone, which makes it one line; nothing "
            "was imported, write it with line feeds"
        )
    found = _by_header(top, layout, options)
    header = None if found else _header_in_part(top, layout)
    if found is None and header is None:
        found = _without_header(top, layout, options)
    if found is None and header is None and layout.row_words:
        separator = _separator_of_rows(lines_path, layout.row_words)
        if separator:
            # Orders in an unknown layout: each row is rejected with its reason.
            found = Reading(separator, None, _places(layout.variants[0]), len(layout.variants[0]))
    if found is None:
        raise UnrecognisedFileError(_nothing_recognised(name, format, layout, options, top, header))
    if layout.is_mapped and dump_of(format, found.columns) is None:
        found = apply_options(found, layout.variants[-1], lines_path, name, venue, format, options)
    elif options:
        raise UnrecognisedFileError(
            f"{name} is a dump of the venue, which says all itself; leave --set, --column and "
            "--rename out"
        )
    return _with_appended(found, layout, lines_path)


def _places(columns: Sequence[Column]) -> dict[str, int]:
    return {column.name: place for place, column in enumerate(columns, start=1)}


def _by_header(
    top: Sequence[tuple[int, str]], layout: CsvFormat, options: ReadOptions
) -> Reading | None:
    """The reading by a header that names every column staging cannot do without."""
    by_place = bool(options.columns) and all(one.isdigit() for one in options.columns.values())
    if by_place:
        return None
    for _, text in top[:HEADER_WITHIN_LINES]:
        for separator in SEPARATORS:
            names = split_line(text, separator)
            if len(names) < 2:
                continue
            for columns in layout.variants:
                places = _named_places(names, columns, options)
                missing = [
                    one.name
                    for one in columns
                    if one.is_required
                    and one.name not in places
                    and one.name not in options.settings
                ]
                if not missing and places:
                    return Reading(
                        separator,
                        tuple(names),
                        places,
                        len(names),
                        ignored=tuple(
                            name
                            for place, name in enumerate(names, start=1)
                            if place not in places.values()
                        ),
                    )
    return None


def _header_in_part(
    top: Sequence[tuple[int, str]], layout: CsvFormat
) -> tuple[str, tuple[Column, ...]] | None:
    """A header that names most columns of a variant and lacks some: its line, and the variant.

    Its rows are not read by their places, where other columns stand; unless each column that it
    names stands in its place, and it has one for each of the others.
    """
    if layout.is_mapped:
        return None
    best: tuple[int, str, tuple[Column, ...]] | None = None
    for _, text in top[:HEADER_WITHIN_LINES]:
        for separator in SEPARATORS:
            names = split_line(text, separator)
            for columns in layout.variants:
                named = _named_places(names, columns, ReadOptions())
                if len(named) * 2 <= len(columns) or (best is not None and len(named) <= best[0]):
                    continue
                if columns == layout.variants[0] and _are_in_place(names, columns, named):
                    return None
                best = len(named), text, columns
    return best[1:] if best else None


def _are_in_place(
    names: Sequence[str], columns: Sequence[Column], named: Mapping[str, int]
) -> bool:
    places = _places(columns)
    return len(names) >= len(columns) and all(named[one] == places[one] for one in named)


def _named_places(
    names: Sequence[str], columns: Sequence[Column], options: ReadOptions
) -> dict[str, int]:
    spelled = [normalised(name) for name in names]
    places = {}
    for column in columns:
        option = options.columns.get(column.name)
        if option is not None:
            if option in names:
                places[column.name] = names.index(option) + 1
            continue
        # A setting applies to every row; for the venue, it is the venue's name in the column.
        if column.name in options.settings and column.name != "venue":
            continue
        for alias in (column.name, *column.aliases):
            if alias in spelled:
                places[column.name] = spelled.index(alias) + 1
                break
    return places


def _without_header(
    top: Sequence[tuple[int, str]], layout: CsvFormat, options: ReadOptions
) -> Reading | None:
    """The reading by place, of a file most of whose rows fit the columns."""
    if layout.needs_header or (layout.is_mapped and options):
        places = {name: int(option) for name, option in options.columns.items() if option.isdigit()}
        if not places or 0 in places.values():
            return None
        variants = [(layout.variants[-1], places)]
    else:
        variants = [(columns, _places(columns)) for columns in layout.variants[:1]]
        # Optional columns at the end may be lacking, if they are in every row.
        required = [place for place, one in enumerate(layout.variants[0], 1) if one.is_required]
        if required[-1] < len(layout.variants[0]):
            columns = layout.variants[0][: required[-1]]
            variants.append((columns, _places(columns)))
    best: tuple[int, Reading] | None = None
    for columns, places in variants:
        if best is not None:
            break
        for separator in SEPARATORS:
            rows = [split_line(text, separator) for _, text in top]
            fitting = [row for row in rows if _fits(row, columns, places)]
            if fitting and (best is None or len(fitting) > best[0]):
                width = Counter(map(len, fitting)).most_common(1)[0][0]
                if not options:
                    width = min(width, len(columns)) if width >= len(columns) else width
                best = len(fitting), Reading(separator, None, places, width)
    if best is None:
        return None
    found = best[1]
    taken = set(found.columns.values())
    ignored = [f"column {place}" for place in range(1, found.width + 1) if place not in taken]
    return replace(found, header=_unnamed_header(top, variants, found), ignored=tuple(ignored))


def _unnamed_header(
    top: Sequence[tuple[int, str]],
    variants: Sequence[tuple[Sequence[Column], Mapping[str, int]]],
    found: Reading,
) -> tuple[str, ...] | None:
    """The first line of a file read by position, if it has no number or time."""
    columns, places = variants[0]
    first = split_line(top[0][1], found.separator)
    numeric = [
        first[places[column.name] - 1]
        for column in columns
        if column.holds != "text" and 0 < places.get(column.name, 0) <= len(first)
    ]
    is_header = bool(numeric) and not any(re.search(r"\d", value) for value in numeric)
    return tuple(first) if is_header and len(first) == found.width else None


def _fits(row: Sequence[str], columns: Sequence[Column], places: Mapping[str, int]) -> bool:
    """Whether the fields fit the columns; empty fields do."""
    if len(row) < max(places.values()):
        return False
    checked = [
        (column, row[places[column.name] - 1])
        for column in columns
        if column.name in places and (column.holds != "text" or column.words)
    ]
    return any(value for _, value in checked) and all(
        column.is_value(value)
        for column, value in checked
        if value not in ("", "None") and not (column.words and not column.is_required)
    )


def _separator_of_rows(lines_path: Path, words: frozenset[str]) -> str | None:
    """The separator with which a line has one of these words or a time, as in staging."""
    for _, text in texts(lines_path):
        for separator in SEPARATORS:
            fields = split_line(text, separator)
            if any(one.upper() in words or EPOCH_MS.match(one) for one in fields):
                return separator
    return None


def _nothing_recognised(
    name: str,
    format: str,
    layout: CsvFormat,
    options: ReadOptions,
    top: Sequence[tuple[int, str]],
    header: tuple[str, tuple[Column, ...]] | None,
) -> str:
    columns = layout.variants[-1] if layout.is_mapped else layout.variants[0]
    first = top[0][1] if top else ""
    if header:
        first, columns = header
    wanted = [one.name for one in columns if one.is_required and one.name not in options.settings]
    shown = first if len(first) <= 120 else first[:117] + "..."
    how = (
        "name its own with --column, or state what is the same in every row with --set"
        if layout.is_mapped
        else "check the format, or the file"
    )
    separator = max(SEPARATORS, key=first.count)
    names = split_line(first, separator)
    lacking = [
        one
        for one in wanted
        if one not in _named_places(names, columns, options)
        and not options.columns.get(one, "").isdigit()
    ]
    missing = (
        f" (missing: {', '.join(lacking)})"
        if (layout.is_mapped or header) and len(lacking) < len(wanted)
        else ""
    )
    return (
        f"nothing of {name} is recognised as {format}: expected the columns {', '.join(wanted)}, "
        f"found {shown!r}{missing}; nothing was imported, {how}"
    )


def _with_appended(found: Reading, layout: CsvFormat, lines_path: Path) -> Reading:
    """The line from which on rows are wider, because a collector appended columns.

    Scattered wider rows are garbled, and a file whose rows are all wider than its header has
    decimal commas: neither counts as an appended column.
    """
    first_wide, last_exact, first_exact = None, None, None
    separator, width = found.separator, found.width
    for number, text in texts(lines_path):
        fields = text.count(separator) + 1 if '"' not in text else len(split_line(text, separator))
        if found.header is not None and fields == width and _is_header(text, found):
            continue
        if fields == width:
            first_exact, last_exact = first_exact or number, number
        elif fields > width and first_wide is None:
            first_wide = number
    if first_wide is None:
        return found
    is_appended = layout.is_anchored if last_exact is None else last_exact < first_wide
    return replace(found, appended_from=first_wide) if is_appended else found


def _is_header(text: str, found: Reading) -> bool:
    return tuple(split_line(text, found.separator)) == found.header
