"""How a value of a mart is written into the page: its raw figure for programs, and a text.

The text is in English with times in UTC, for readers without scripts; with them, the browser writes
figures in its locale (page.js has the same kinds).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from html import escape
from typing import Any


class Kind(StrEnum):
    """What a column's figures are, and so how they are written."""

    USD = "usd"
    # Dollars a coin.
    PRICE = "price"
    # 0 to 1, written in percent.
    SHARE = "share"
    # A rate for eight hours or a year: small, written in percent.
    RATE = "rate"
    # In percent already.
    PERCENT = "percent"
    NUMBER = "number"
    COUNT = "count"
    TIMES = "times"
    TIME = "time"
    TEXT = "text"
    # An enumerated word: one_per_symbol_second is written without its underscores.
    WORD = "word"
    FLAG = "flag"
    # Whether a sum is a lower bound.
    BOUND = "bound"


@dataclass(frozen=True)
class Value:
    """A mart's value within a sentence, with the column that it is from."""

    value: Any
    kind: Kind
    column: str


NUMBERS = {
    *(Kind.USD, Kind.PRICE, Kind.SHARE, Kind.RATE, Kind.PERCENT, Kind.NUMBER, Kind.COUNT),
    Kind.TIMES,
}
# Aligned to the left.
TEXTS = {Kind.TEXT, Kind.WORD, Kind.FLAG, Kind.BOUND}
# Words that are names of columns, as readers call them.
NAMES = {
    "oi_to_market_cap": "open interest to market cap",
    "oi_weighted_funding_8h": "funding for 8 h",
    "long_imbalance_24h": "imbalance of 24 h",
    "intensity_24h_bp": "liquidations of 24 h to open interest",
    "realised_volatility_24h": "volatility of 24 h",
    "mass_below_spot": "levels below the price",
}
UNKNOWN = "–"  # noqa: RUF001
FLAGS = {True: "yes", False: "no"}
BOUNDS = {True: "≥", False: "="}
_PREFIXES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))


def raw(value: Any) -> str:
    """A number in all its digits, as JavaScript and SQL read it: `237241893.1234`, `1e-08`."""
    if isinstance(value, Decimal):
        text = format(value, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def is_known(value: Any) -> bool:
    """Whether there is a value: neither null nor an infinite or undefined number."""
    if isinstance(value, float):
        return math.isfinite(value)
    return value is not None


def text_of(value: Any, kind: Kind) -> str:
    """The value in English; a dash where it is not known."""
    if not is_known(value):
        return UNKNOWN
    match kind:
        case Kind.USD:
            return _signed(value, lambda size: f"${_compact(size)}")
        case Kind.PRICE:
            return _signed(value, lambda size: f"${_digits(size, 7)}")
        case Kind.SHARE:
            return _signed(value, lambda size: f"{_places(100 * size, 1)}%")
        case Kind.RATE:
            return _signed(value, lambda size: f"{_places(100 * size, 4)}%")
        case Kind.PERCENT:
            return _signed(value, lambda size: f"{_places(size, 1)}%")
        case Kind.COUNT:
            return f"{value:,}"
        case Kind.NUMBER:
            return _signed(value, lambda size: _digits(size, 4))
        case Kind.TIMES:
            return _signed(value, lambda size: f"{_digits(size, 3)}×")  # noqa: RUF001
        case Kind.TIME:
            return f"{value:%Y-%m-%d %H:%M}"
        case Kind.FLAG:
            return FLAGS[bool(value)]
        case Kind.BOUND:
            return BOUNDS[bool(value)]
        case Kind.WORD:
            return ", ".join(
                NAMES.get(one, one.replace("_", " ")) for one in str(value).split(", ")
            )
        case Kind.TEXT:
            return str(value)


def markup(value: Any, kind: Kind, column: str = "", zone: str = "") -> str:
    """The value as HTML: `<data>` and `<time>` hold the raw figure. `zone` follows a time's text.

    `column` is named where the value stands in a sentence.
    """
    text = escape(text_of(value, kind))
    if not is_known(value):
        return text
    named = f" data-column={column} data-kind={kind}" if column else ""
    if kind == Kind.TIME:
        at = instant(value)
        # In a table, a whole minute is its own machine-readable form.
        if not zone and at == f"{value:%Y-%m-%dT%H:%M}Z":
            return f"<time>{text}Z</time>"
        return f"<time datetime={at}{named}>{text}{zone or 'Z'}</time>"
    if kind in {Kind.FLAG, Kind.BOUND}:
        return f"<data value={str(bool(value)).lower()}{named}>{text}</data>"
    if kind in NUMBERS:
        return f"<data value={raw(value)}{named}>{text}</data>"
    if named or text != escape(str(value)):
        return f'<data value="{escape(str(value))}"{named}>{text}</data>'
    return text


def cell(value: Any, kind: Kind) -> str:
    """A table's cell, without its end tag, which HTML does not need."""
    if not is_known(value):
        return f"<td class=u>{UNKNOWN}"
    return f"<td{' class=t' if kind in TEXTS else ''}>{markup(value, kind)}"


def instant(value: datetime | date) -> str:
    """A time in UTC as HTML writes it: `2026-01-29T14:00Z`."""
    moment = value if isinstance(value, datetime) else datetime.combine(value, datetime.min.time())
    seconds = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    return seconds.replace(":00Z", "Z")


def _signed(value: Any, write: Any) -> str:
    size = float(value)
    written: str = write(abs(size))
    return f"−{written}" if size < 0 else written  # noqa: RUF001 - the sign of a number


def _compact(size: float) -> str:
    """Four digits and a prefix: 237.2M, 45.3K, 312, 0.00000001."""
    for unit, prefix in _PREFIXES:
        # What rounds up to the unit is written in it.
        if size >= unit * 0.99995:
            return f"{_digits(size / unit, 4)}{prefix}"
    return _digits(size, 4)


def _digits(size: float, digits: int) -> str:
    """At most so many significant digits, without an exponent and without zeros at the end."""
    if size == 0:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(size)))
    return _without_zeros(f"{round(size, places):,.{places}f}")


def _places(size: float, places: int) -> str:
    """At most so many digits after the point; more where only these would be zeros."""
    if 0 < size < 10.0**-places:
        return _digits(size, 2)
    return _without_zeros(f"{size:,.{places}f}")


def _without_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
