"""The formats of files that can be imported: those of every venue, and each venue's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache

from unwind.file_formats import TIME_ALIASES, Column, CsvFormat, FileFormat, columns
from unwind.venues import venues

PRICE_KINDS = ("spot", "last", "mark", "index")
RATIO_KINDS = ("accounts", "top_accounts", "positions", "top_positions", "taker_volume")
# Formats of a venue's instruments, whose names follow its grammar.
OF_A_MARKET = ("funding-csv", "bars-csv", "oi-csv", "ratio-csv")
# Formats whose --venue names the source, whether or not it is one of the venues.
OF_ANY_SOURCE = ("reported-csv",)

_VENUE = Column("venue", is_required=False, aliases=("exchange",))
_INSTRUMENT = Column("instrument", aliases=("symbol",))
_TIME = Column("time", "time", aliases=TIME_ALIASES)

SHARED_FORMATS = (
    FileFormat("frames", "mixed"),
    FileFormat("rest", "mixed"),
    FileFormat(
        "tardis-csv",
        "liquidations",
        CsvFormat(
            (
                columns(
                    *("exchange", "symbol", "timestamp", "local_timestamp", "id", "side", "price"),
                    "amount",
                    holds={
                        "timestamp": "time",
                        "local_timestamp": "time",
                        "price": "number",
                        "amount": "number",
                    },
                ),
                columns(
                    *("exchange", "symbol", "timestamp", "local_timestamp", "funding_timestamp"),
                    *("funding_rate", "predicted_funding_rate", "open_interest", "last_price"),
                    *("index_price", "mark_price"),
                ),
            )
        ),
    ),
    FileFormat(
        "funding-csv",
        "funding",
        CsvFormat(
            (
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
    ),
    FileFormat(
        "bars-csv",
        "bars",
        CsvFormat(
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
    ),
    FileFormat(
        "oi-csv",
        "open_interest",
        CsvFormat(
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
    ),
    FileFormat(
        "ratio-csv",
        "long_short_ratio",
        CsvFormat(
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
    ),
    FileFormat(
        "reported-csv",
        "reported_liquidations",
        CsvFormat(
            (
                (
                    *(Column("exchange"), Column("asset", aliases=("coin", "symbol"))),
                    *(Column("instrument", is_required=False), _TIME),
                    Column(
                        "long", "number", aliases=("long_usd", "liq_long_usd", "long_liquidations")
                    ),
                    Column(
                        "short",
                        "number",
                        aliases=("short_usd", "liq_short_usd", "short_liquidations"),
                    ),
                    Column("unit", words=("usd", "base")),
                    Column("bar", aliases=("interval",)),
                    Column("first_valid_day"),
                ),
            ),
            is_mapped=True,
            needs_header=True,
        ),
    ),
)


@cache
def formats() -> Mapping[str, FileFormat]:
    """Every format by name; of a format of every venue, with the variants that venues add."""
    found = {one.name: one for one in SHARED_FORMATS}
    for venue in venues().values():
        for own in venue.formats:
            shared = found.get(own.name)
            if shared is None:
                found[own.name] = own
            elif shared.csv and own.csv:
                variants = (*own.csv.variants, *shared.csv.variants)
                found[own.name] = replace(shared, csv=replace(shared.csv, variants=variants))
    return found


@cache
def venue_of_format(name: str) -> str | None:
    """The only venue that writes a format; None for a format of every venue."""
    if any(one.name == name for one in SHARED_FORMATS):
        return None
    return next(
        venue.name for venue in venues().values() for one in venue.formats if one.name == name
    )


def dump_of(name: str, named: Iterable[str]) -> str | None:
    """The venue in whose own variant of a shared format a file is, by the columns that it has."""
    shared = next((one.csv for one in SHARED_FORMATS if one.name == name), None)
    if shared is None:
        return None
    own = set(named) - _column_names(shared)
    for venue in venues().values():
        for one in venue.formats:
            if one.name == name and one.csv and own & _column_names(one.csv):
                return venue.name
    return None


def _column_names(csv: CsvFormat) -> set[str]:
    return {column.name for variant in csv.variants for column in variant}
