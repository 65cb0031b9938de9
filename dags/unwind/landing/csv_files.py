"""What a CSV file is taken for: its separator, header and columns, and what the user said of it.

The reading is worked out once, when a file is imported, and is kept with the raw object: staging
reads the same columns at every rebuild. Landed dumps have none and are read as their venue writes
them.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from unwind.texts import as_utf8

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
BOM = "\ufeff"
# A header stands at the top of a file; log lines of a collector may stand before it.
HEADER_WITHIN_LINES = 50
# Enough rows to know what a file holds; the others are judged one by one in staging.
SAMPLE_LINES = 1_000

# The words of a Binance order, one of which is in every row of it, even in one that was cut.
ORDER_WORDS = frozenset({"BUY", "SELL", "LIMIT", "IOC", "FILLED"})
EPOCH_MS = re.compile(r"^[0-9]{13}$")

PRICE_KINDS = ("spot", "last", "mark", "index")
RATIO_KINDS = ("accounts", "top_accounts", "positions", "top_positions", "taker_volume")


class UnrecognisedFileError(ValueError):
    """Nothing of a file, or of what was said of it, is recognised; the text says what is."""


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
    """A format: the columns in the order of a file without a header, in one or more variants.

    `is_mapped` formats take the user's own names (`--column`) and fixed values (`--set`); a column
    of them may be stated for a whole file. `needs_header` refuses files without one, unless every
    column is named by its place. `is_anchored` is a format in which a time stands after the
    numbers, so that a row with a comma too many in front of it shows.
    """

    variants: tuple[tuple[Column, ...], ...]
    is_mapped: bool = False
    needs_header: bool = False
    is_anchored: bool = False


@dataclass(frozen=True)
class Wishes:
    """What the user says of the files: `--set`, `--column` and `--rename`, as name -> text."""

    settings: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    renames: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.settings or self.columns or self.renames)

    def as_utf8(self) -> Wishes:
        """The same, of texts that a database takes."""
        return Wishes(
            *(
                {as_utf8(name): as_utf8(text) for name, text in said.items()}
                for said in (self.settings, self.columns, self.renames)
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


def _columns(*names: str, holds: Mapping[str, str] = {}) -> tuple[Column, ...]:
    return tuple(Column(name, holds.get(name, "text")) for name in names)


TIME_ALIASES = ("time", "timestamp", "ts", "ts_utc", "datetime", "date", "t")
_VENUE = Column("venue", is_required=False, aliases=("exchange",))
_INSTRUMENT = Column("instrument", aliases=("symbol",))
_TIME = Column("time", "time", aliases=TIME_ALIASES)

FORCE_ORDER = (
    *_columns("symbol"),
    Column("side", words=("BUY", "SELL")),
    Column("order_type", is_required=False),
    Column("time_in_force", is_required=False),
    *_columns("original_quantity", "price", "average_price"),
    Column("status", aliases=("order_status",)),
    Column("last_filled", is_required=False, aliases=("order_last_filled_quantity",)),
    Column("accumulated_filled", aliases=("order_filled_accumulated_quantity",)),
    Column("trade_time_ms", "time", aliases=("order_trade_time",)),
    Column("usd_size", is_required=False),
)
_ALL_NUMBERS = dict.fromkeys(
    ("open", "high", "low", "close", "price", "amount", "last_funding_rate", "volume"), "number"
)
_TIMES = dict.fromkeys(("open_time", "close_time", "create_time", "calc_time", "time"), "time")

CSV_FORMATS = {
    "force-order-csv": CsvFormat((FORCE_ORDER,), is_anchored=True),
    "liquidation-snapshot": CsvFormat(
        (
            _columns(
                *("time", "side", "order_type", "time_in_force", "original_quantity", "price"),
                *("average_price", "order_status", "last_fill_quantity"),
                "accumulated_fill_quantity",
                holds={**_TIMES, **_ALL_NUMBERS},
            ),
            # A loader's variant with the symbol, and what staging cannot do without.
            _columns(
                *("symbol", "time", "side", "original_quantity", "price", "average_price"),
                "accumulated_fill_quantity",
                holds={**_TIMES, **_ALL_NUMBERS},
            ),
        )
    ),
    "metrics-csv": CsvFormat(
        (
            _columns(
                *("create_time", "symbol", "sum_open_interest", "sum_open_interest_value"),
                *("count_toptrader_long_short_ratio", "sum_toptrader_long_short_ratio"),
                *("count_long_short_ratio", "sum_taker_long_short_vol_ratio"),
                holds=_TIMES,
            ),
        )
    ),
    "klines-csv": CsvFormat(
        (
            (
                *_columns(
                    *("open_time", "open", "high", "low", "close", "volume", "close_time"),
                    holds={**_TIMES, **_ALL_NUMBERS},
                ),
                # What they are called in the API's documentation.
                Column("quote_volume", aliases=("quote_asset_volume",)),
                Column("count", aliases=("number_of_trades",)),
                Column("taker_buy_volume", aliases=("taker_buy_base_asset_volume",)),
                Column("taker_buy_quote_volume", aliases=("taker_buy_quote_asset_volume",)),
                Column("ignore"),
            ),
        ),
        is_anchored=True,
    ),
    "tardis-csv": CsvFormat(
        (
            _columns(
                *("exchange", "symbol", "timestamp", "local_timestamp", "id", "side", "price"),
                "amount",
                holds={"timestamp": "time", "local_timestamp": "time", **_ALL_NUMBERS},
            ),
            _columns(
                *("exchange", "symbol", "timestamp", "local_timestamp", "funding_timestamp"),
                *("funding_rate", "predicted_funding_rate", "open_interest", "last_price"),
                *("index_price", "mark_price"),
            ),
        )
    ),
    # Binance's dumps are found by their header; anything else is the format of any venue.
    "funding-csv": CsvFormat(
        (
            _columns(
                *("calc_time", "funding_interval_hours", "last_funding_rate"),
                holds={**_TIMES, **_ALL_NUMBERS},
            ),
            (
                *(_INSTRUMENT, _TIME, Column("funding_rate", "number", aliases=("rate",))),
                Column("interval_hours", "number", aliases=("funding_interval_hours",)),
                Column("rate_unit", is_required=False, words=("share", "percent")),
                Column("settled", is_required=False, words=("true", "false")),
                _VENUE,
            ),
        ),
        is_mapped=True,
    ),
    "bars-csv": CsvFormat(
        (
            (
                *(_INSTRUMENT, Column("open_time", "time", aliases=TIME_ALIASES)),
                Column("open", "number", aliases=("o",)),
                Column("high", "number", aliases=("h",)),
                Column("low", "number", aliases=("l",)),
                Column("close", "number", aliases=("c",)),
                Column("bar", aliases=("interval",)),
                Column("price_kind", words=PRICE_KINDS),
                Column("volume", "number", is_required=False, aliases=("v",)),
                Column("volume_unit", is_required=False, words=("base", "usd")),
                Column("volume_base", "number", is_required=False),
                Column("volume_usd", "number", is_required=False),
                _VENUE,
            ),
        ),
        is_mapped=True,
        needs_header=True,
    ),
    "oi-csv": CsvFormat(
        (
            (
                *(_INSTRUMENT, _TIME),
                Column("open_interest", "number", aliases=("oi",)),
                Column("unit", words=("contracts", "base", "usd")),
                Column("sides", words=("one", "two")),
                _VENUE,
            ),
        ),
        is_mapped=True,
        needs_header=True,
    ),
    "ratio-csv": CsvFormat(
        (
            (
                *(_INSTRUMENT, _TIME),
                Column("long_short_ratio", "number", aliases=("ratio",)),
                Column("ratio_kind", words=RATIO_KINDS),
                _VENUE,
            ),
        ),
        is_mapped=True,
        needs_header=True,
    ),
    "reported-csv": CsvFormat(
        (
            (
                *(Column("exchange"), Column("asset", aliases=("coin", "symbol"))),
                *(Column("instrument", is_required=False), _TIME),
                Column("long", "number", aliases=("long_usd", "liq_long_usd", "long_liquidations")),
                Column(
                    "short", "number", aliases=("short_usd", "liq_short_usd", "short_liquidations")
                ),
                Column("unit", words=("usd", "base")),
                Column("bar", aliases=("interval",)),
                Column("first_valid_day"),
            ),
        ),
        is_mapped=True,
        needs_header=True,
    ),
    "market-caps-csv": CsvFormat(
        (
            (
                *(Column("asset", aliases=("coin", "symbol")), _TIME),
                Column("market_cap_usd", "number", aliases=("market_cap",)),
                Column("source"),
                Column("price_usd", "number", is_required=False, aliases=("price",)),
                Column("volume_24h_usd", "number", is_required=False),
            ),
        ),
        is_mapped=True,
        needs_header=True,
    ),
}
# Said of a whole file, and no column of it.
FILE_SETTINGS = ("zone",)

_NAIVE = re.compile(r"^\d{4}-\d{2}-\d{2}([ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)?$")
_WITH_OFFSET = re.compile(
    r"^\d{4}-\d{2}-\d{2}[ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)? ?(Z|[+-]\d{2}(:?\d{2})?)$"
)
_EPOCH = re.compile(r"^\d{9,19}(\.\d+)?$")
_NUMBER = re.compile(r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")
_OFFSET = re.compile(r"^(?:UTC)?([+-])(\d{1,2})(?::?00)?$")
_PATTERN = re.compile(r"^([^{}]*)\{([^{}]+)\}([^{}]*)$")


def time_kind(text: str) -> str | None:
    """How a time is written: epoch, offset (ISO with one or Z), naive (ISO without); or null."""
    if _EPOCH.match(text):
        return "epoch"
    if _WITH_OFFSET.match(text):
        return "offset"
    return "naive" if _NAIVE.match(text) else None


def read_csv(lines_path: Path, name: str, venue: str, format: str, wishes: Wishes) -> Reading:
    """How a file of a CSV format is read.

    Raises UnrecognisedFileError, with what is expected and what was found, where nothing of the
    file is recognised or a column that staging cannot do without is neither there nor stated.
    """
    layout = CSV_FORMATS[format]
    if wishes and not layout.is_mapped:
        raise UnrecognisedFileError(
            f"{format} takes no --set, --column or --rename: its columns are the venue's own"
        )
    top = list(islice(_texts(lines_path), SAMPLE_LINES))
    if top and "\r" in top[0][1]:
        raise UnrecognisedFileError(
            f"the lines of {name} end in carriage returns alone, which makes it one line; nothing "
            "was imported, write it with line feeds"
        )
    found = _by_header(top, layout, wishes)
    header = None if found else _header_in_part(top, layout)
    if found is None and header is None:
        found = _without_header(top, layout, wishes)
    if found is None and header is None and format == "force-order-csv":
        separator = _separator_of_orders(lines_path)
        if separator:
            # Rows of orders in a shape of their own: each is refused with its reason.
            found = Reading(separator, None, _places(FORCE_ORDER), len(FORCE_ORDER))
    if found is None:
        raise UnrecognisedFileError(_nothing_recognised(name, format, layout, wishes, top, header))
    if layout.is_mapped and "calc_time" not in found.columns:
        found = _as_said(found, layout.variants[-1], lines_path, name, venue, format, wishes)
    elif wishes:
        raise UnrecognisedFileError(
            f"{name} is a dump of the venue, which says all itself; leave --set, --column and "
            "--rename out"
        )
    return _with_appended(found, layout, lines_path)


def split_line(text: str, separator: str) -> list[str]:
    """The fields of a line, without quotes and spaces around them."""
    if '"' not in text:
        return [value.strip(" ") for value in text.split(separator)]
    row = next(csv.reader([text], delimiter=separator, skipinitialspace=True), [])
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


def _texts(lines_path: Path) -> Iterator[tuple[int, str]]:
    """The numbered lines that are not blank, without a byte order mark."""
    with pq.ParquetFile(lines_path) as file:
        for batch in file.iter_batches():
            numbers, texts = (column.to_pylist() for column in batch.columns)
            for number, text in zip(numbers, texts, strict=True):
                clean = text.removeprefix(BOM) if number == 1 else text
                if clean.strip():
                    yield number, clean


def _places(columns: Sequence[Column]) -> dict[str, int]:
    return {column.name: place for place, column in enumerate(columns, start=1)}


def _is_number(text: str) -> bool:
    return bool(_NUMBER.match(text))


def _normalised(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")


def _by_header(top: Sequence[tuple[int, str]], layout: CsvFormat, wishes: Wishes) -> Reading | None:
    """The reading by a header that names every column staging cannot do without."""
    by_place = bool(wishes.columns) and all(one.isdigit() for one in wishes.columns.values())
    if by_place:
        return None
    for _, text in top[:HEADER_WITHIN_LINES]:
        for separator in SEPARATORS:
            names = split_line(text, separator)
            if len(names) < 2:
                continue
            for columns in layout.variants:
                places = _named_places(names, columns, wishes)
                missing = [
                    one.name
                    for one in columns
                    if one.is_required
                    and one.name not in places
                    and one.name not in wishes.settings
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
                named = _named_places(names, columns, Wishes())
                if len(named) * 2 <= len(columns) or (best is not None and len(named) <= best[0]):
                    continue
                if columns == layout.variants[0] and _stand_in_place(names, columns, named):
                    return None
                best = len(named), text, columns
    return best[1:] if best else None


def _stand_in_place(
    names: Sequence[str], columns: Sequence[Column], named: Mapping[str, int]
) -> bool:
    places = _places(columns)
    return len(names) >= len(columns) and all(named[one] == places[one] for one in named)


def _named_places(
    names: Sequence[str], columns: Sequence[Column], wishes: Wishes
) -> dict[str, int]:
    normalised = [_normalised(name) for name in names]
    places = {}
    for column in columns:
        said = wishes.columns.get(column.name)
        if said is not None:
            if said in names:
                places[column.name] = names.index(said) + 1
            continue
        # What is stated holds for every row; of the venue, it is the name that the column gives it.
        if column.name in wishes.settings and column.name != "venue":
            continue
        for alias in (column.name, *column.aliases):
            if alias in normalised:
                places[column.name] = normalised.index(alias) + 1
                break
    return places


def _without_header(
    top: Sequence[tuple[int, str]], layout: CsvFormat, wishes: Wishes
) -> Reading | None:
    """The reading by place, of a file most of whose rows fit the columns."""
    if layout.needs_header or (layout.is_mapped and wishes):
        places = {name: int(said) for name, said in wishes.columns.items() if said.isdigit()}
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
                if not wishes:
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
    """The first line of a file read by places, where no number or time stands in it."""
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
    """Whether the fields are what the columns hold; one that is empty may be."""
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


def _separator_of_orders(lines_path: Path) -> str | None:
    """The separator by which a line has an order's word or time, as staging tells rows by."""
    for _, text in _texts(lines_path):
        for separator in SEPARATORS:
            fields = split_line(text, separator)
            if any(one.upper() in ORDER_WORDS or EPOCH_MS.match(one) for one in fields):
                return separator
    return None


def _nothing_recognised(
    name: str,
    format: str,
    layout: CsvFormat,
    wishes: Wishes,
    top: Sequence[tuple[int, str]],
    header: tuple[str, tuple[Column, ...]] | None,
) -> str:
    columns = layout.variants[-1] if layout.is_mapped else layout.variants[0]
    first = top[0][1] if top else ""
    if header:
        first, columns = header
    wanted = [one.name for one in columns if one.is_required and one.name not in wishes.settings]
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
        if one not in _named_places(names, columns, wishes)
        and not wishes.columns.get(one, "").isdigit()
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


def _as_said(
    found: Reading,
    columns: Sequence[Column],
    lines_path: Path,
    name: str,
    venue: str,
    format: str,
    wishes: Wishes,
) -> Reading:
    """The reading of a mapped format, with what the user stated; every claim is checked."""
    known = {column.name: column for column in columns}
    for said in (*wishes.settings, *wishes.columns):
        if said not in known and said not in FILE_SETTINGS:
            raise UnrecognisedFileError(
                f"{format} has no column {said!r}; it has {', '.join(known)} and the setting "
                f"{', '.join(FILE_SETTINGS)}"
            )
    settings = {key: value for key, value in wishes.settings.items() if key != "venue"}
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
    names, left_out = _venue_names(found, lines_path, name, venue, wishes)
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
        renames=dict(wishes.renames),
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
    for _, text in _texts(lines_path):
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
    found: Reading, lines_path: Path, name: str, venue: str, wishes: Wishes
) -> tuple[tuple[str, ...], dict[str, int]]:
    """How the file spells the venue in its own column, and the rows of others that are left out."""
    place = found.columns.get("venue")
    if place is None:
        return (), {}
    counted = Counter(row[place - 1] for row in _rows(found, lines_path) if len(row) >= place)
    meant = wishes.settings.get("venue", venue)
    names = tuple(
        sorted(one for one in counted if _normalised(one) == _normalised(meant) or one == meant)
    )
    if not names:
        raise UnrecognisedFileError(
            f"{name} has no row of {meant}: its column of venues holds "
            f"{', '.join(sorted(counted)[:20])}; say which of them is {venue} with --set venue=NAME"
        )
    return names, {one: rows for one, rows in sorted(counted.items()) if one not in names}


def _with_appended(found: Reading, layout: CsvFormat, lines_path: Path) -> Reading:
    """From which line on rows are wider, where a collector appended columns of its own.

    Rows that are wider here and there are garbled, and a file whose rows are all wider than its
    header is one of decimal commas: neither is taken for an appended column.
    """
    first_wide, last_exact, first_exact = None, None, None
    separator, width = found.separator, found.width
    for number, text in _texts(lines_path):
        fields = text.count(separator) + 1 if '"' not in text else len(split_line(text, separator))
        if found.header is not None and fields == width and _is_header(text, found):
            continue
        if fields == width:
            first_exact, last_exact = first_exact or number, number
        elif fields > width and first_wide is None:
            first_wide = number
    if first_wide is None:
        return found
    is_appended = layout.is_anchored if first_exact is None else last_exact < first_wide
    return replace(found, appended_from=first_wide) if is_appended else found


def _is_header(text: str, found: Reading) -> bool:
    return tuple(split_line(text, found.separator)) == found.header
