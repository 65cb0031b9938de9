"""From the text of a claim to its conditions, the length of its windows and its span of time.

docs/claims.md has the grammar. Comparisons become closed ranges of whole units, so that equality is
exact: a unit is a hundredth of a cent, as in the marts, or a ten-thousandth of an event.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from typing import NamedTuple

from unwind.clock import parse_instant
from unwind.errors import UnwindError
from unwind.printing import shown

EXAMPLE = "long > 230e6 and short < 5e6 within 1h on 2026-01-29"
UNITS_PER_DOLLAR = 10_000
# Above any sum; a range without an upper end reaches to it.
NO_END = 2**62
# No day of all venues is a quadrillion dollars, and sums of units stay below NO_END.
MAX_AMOUNT = Decimal("1e14")
# A rounded figure is rarely off by more; it can be stated in the claim.
DEFAULT_TOLERANCE = Decimal("0.05")
# With more, `about` would be no more than an upper bound.
MAX_TOLERANCE_PERCENT = 100
MAX_LENGTH = timedelta(days=366)
SHOWN_BEFORE, SHOWN_AFTER = 50, 40

MULTIPLES = {"k": 3, "thousand": 3, "m": 6, "mn": 6, "million": 6}
MULTIPLES |= {"b": 9, "bn": 9, "billion": 9}
MINUTES = {"m": 1, "h": 60, "d": 1440}

_FIGURE = re.compile(r"(long|short|total|events)\b", re.IGNORECASE)
_SCOPE = re.compile(r"(on|of)\b", re.IGNORECASE)
_VENUE = re.compile(r"[a-z]\w*", re.IGNORECASE)
_ASSET = re.compile(r"\w+")
_COMPARISON = re.compile(r">=|<=|>|<|about\b", re.IGNORECASE)
_AMOUNT = re.compile(
    r"(?P<dollar>\$|usd\b)?\s*"
    r"(?P<number>(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[+-]?\d{1,2})?)(?![\d.,])\s*"
    rf"(?P<multiple>(?:{'|'.join(sorted(MULTIPLES, key=len, reverse=True))})\b)?",
    re.IGNORECASE,
)
_PLUS_MINUS = re.compile(r"\+-|\+/-|±")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_JOINT = re.compile(r"(and|within)\b", re.IGNORECASE)
_LENGTH = re.compile(
    r"(\d{1,6}(?:\.\d+)?)\s*(?:(m)(?:in(?:ute)?s?)?|(h)(?:ours?)?|(d)(?:ays?)?)\b", re.IGNORECASE
)
_WHEN = re.compile(r"(on|at|between)\b", re.IGNORECASE)
_AND = re.compile(r"and\b", re.IGNORECASE)
_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2})([T ]\d{2}(?::\d{2}(?::\d{2}(?:\.\d+)?)?)?)?(Z|[+-]\d{2}:\d{2})?(?!\w)",
    re.IGNORECASE,
)
_UTC = re.compile(r"utc\b", re.IGNORECASE)


class ClaimError(UnwindError, ValueError):
    """A claim that cannot be read or judged; the text says where, why, and how to write it."""

    exit_code = 2


@dataclass(frozen=True)
class Condition:
    """One comparison of a figure; `lowest` and `highest` are the units that satisfy it.

    figure: `long`, `short`, `total` (USD) or `events`. venue, asset: as written, null for all.
    """

    figure: str
    venue: str | None
    asset: str | None
    comparison: str
    amount: Decimal
    tolerance: Decimal
    lowest: int
    highest: int

    @property
    def is_of_usd(self) -> bool:
        return self.figure != "events"


@dataclass(frozen=True)
class Claim:
    """What is claimed of a window of `minutes`, somewhere within a span of time.

    The window lies within [begins_at, ends_at); with `is_one_window` it is exactly that.
    """

    text: str
    conditions: tuple[Condition, ...]
    minutes: int
    begins_at: datetime
    ends_at: datetime
    is_one_window: bool


class _Span(NamedTuple):
    begins_at: datetime
    ends_at: datetime
    is_one_window: bool


def parse(text: str) -> Claim:
    """The claim in a text. Raises ClaimError."""
    reader = _Reader(text)
    conditions = [_condition(reader)]
    while _word(reader.take(_JOINT, AFTER_CONDITION)) == "and":
        conditions.append(_condition(reader))
    minutes = _length(reader)
    span = _span(reader, minutes)
    reader.maybe(_UTC)
    reader.end()
    return Claim(text.strip(), tuple(conditions), minutes, *span)


AFTER_CONDITION = (
    "`and` with another condition, or `within` with the length of the window "
    "(an amount takes the units k, m and bn)"
)
A_TIME = "a time in UTC, as 2026-01-29T14:00"


class _Reader:
    """The text and how far it has been read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0

    def maybe(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """The next match of the pattern, if any."""
        while self.place < len(self.text) and self.text[self.place].isspace():
            self.place += 1
        found = pattern.match(self.text, self.place)
        if found:
            self.place = found.end()
        return found

    def take(self, pattern: re.Pattern[str], expected: str) -> re.Match[str]:
        """The next match of the pattern. Raises ClaimError."""
        found = self.maybe(pattern)
        if not found:
            raise self.error(f"expected {expected}", self.place)
        return found

    def end(self) -> None:
        """Raises ClaimError where there is more text."""
        self.maybe(re.compile(""))
        if self.place < len(self.text):
            raise self.error("expected the end of the claim", self.place)

    def error(self, problem: str, place: int) -> ClaimError:
        """The problem, where in the text it is, and an example."""
        before, after = self.text[max(0, place - SHOWN_BEFORE) : place], self.text[place:]
        before = shown(" ".join(before.split(" ")).replace("\n", " "))
        after = shown(after[:SHOWN_AFTER].replace("\n", " "))
        return ClaimError(
            f"the claim cannot be read at character {place + 1}: {problem}\n"
            f"  {before}{after}\n"
            f"  {' ' * len(before)}^\n"
            f"an example: {EXAMPLE}"
        )


def _word(found: re.Match[str]) -> str:
    return found[0].lower()


def _condition(reader: _Reader) -> Condition:
    figure = _word(reader.take(_FIGURE, "a figure: long, short, total or events"))
    scope: dict[str, str] = {}
    _read_scope(reader, scope)
    comparison = _word(reader.take(_COMPARISON, "a comparison: >, >=, <, <= or about"))
    amount = _amount(reader, figure)
    tolerance = _tolerance(reader, figure, amount) if comparison == "about" else Decimal(0)
    _read_scope(reader, scope)
    return Condition(
        figure,
        scope.get("on"),
        scope.get("of"),
        comparison,
        amount,
        tolerance,
        *_units(comparison, amount, tolerance),
    )


def _read_scope(reader: _Reader, scope: dict[str, str]) -> None:
    """Adds `on VENUE` and `of ASSET`, in any order, each at most once."""
    while found := reader.maybe(_SCOPE):
        word = _word(found)
        if word in scope:
            one = "venue" if word == "on" else "asset"
            raise reader.error(
                f"a condition has one {one}; join another condition by `and`", found.start()
            )
        if word == "on":
            expected = "a venue as dim_venues names it; a date follows `within`"
            scope[word] = reader.take(_VENUE, expected)[0]
        else:
            scope[word] = reader.take(_ASSET, "an asset, as BTC")[0]


def _amount(reader: _Reader, figure: str) -> Decimal:
    found = reader.take(_AMOUNT, "an amount, as 230e6, 230m or $230 million")
    if found["dollar"] and figure == "events":
        raise reader.error("events are a number, not dollars", found.start())
    number = Decimal(found["number"].replace(",", ""))
    amount = number.scaleb(MULTIPLES[found["multiple"].lower()] if found["multiple"] else 0)
    if amount > MAX_AMOUNT:
        raise reader.error("the amount is above a hundred trillion", found.start("number"))
    return amount


def _tolerance(reader: _Reader, figure: str, amount: Decimal) -> Decimal:
    if not reader.maybe(_PLUS_MINUS):
        return amount * DEFAULT_TOLERANCE
    if found := reader.maybe(_PERCENT):
        if Decimal(found[1]) > MAX_TOLERANCE_PERCENT:
            raise reader.error("a tolerance is at most 100%; state a bound by <=", found.start())
        return amount * Decimal(found[1]) / 100
    return _amount(reader, figure)


def _units(comparison: str, amount: Decimal, tolerance: Decimal) -> tuple[int, int]:
    """The lowest and the highest whole number of units that satisfy a comparison."""
    match comparison:
        case ">":
            return _whole(amount, ROUND_FLOOR) + 1, NO_END
        case ">=":
            return _whole(amount, ROUND_CEILING), NO_END
        case "<":
            return 0, _whole(amount, ROUND_CEILING) - 1
        case "<=":
            return 0, _whole(amount, ROUND_FLOOR)
    least = max(amount - tolerance, Decimal(0))
    return _whole(least, ROUND_CEILING), _whole(amount + tolerance, ROUND_FLOOR)


def _whole(amount: Decimal, rounding: str) -> int:
    with localcontext(prec=200):
        return int((amount * UNITS_PER_DOLLAR).to_integral_value(rounding))


def _length(reader: _Reader) -> int:
    found = reader.take(_LENGTH, "the length of the window, as 1h, 30m or 1d")
    unit = next(one for one in found.groups()[1:] if one).lower()
    minutes = Decimal(found[1]) * MINUTES[unit]
    if minutes != minutes.to_integral_value() or minutes < 1:
        raise reader.error("a window is of whole minutes", found.start())
    if timedelta(minutes=int(minutes)) > MAX_LENGTH:
        raise reader.error(f"a window is at most {MAX_LENGTH.days} days", found.start())
    return int(minutes)


def _span(reader: _Reader, minutes: int) -> _Span:
    when = reader.take(_WHEN, "when: `on` a day, `between` two times or `at` a time")
    length = timedelta(minutes=minutes)
    try:
        match _word(when):
            case "at":
                begins_at, _ = _time(reader)
                return _Span(begins_at, begins_at + length, True)
            case "on":
                begins_at, is_day = _time(reader)
                if not is_day:
                    raise reader.error(
                        "`on` takes a day; write `at` for the window that begins then", when.start()
                    )
                ends_at = begins_at + timedelta(days=1)
            case _:
                begins_at, _ = _time(reader)
                reader.take(_AND, "`and` with the end of the time")
                ends_at, is_day = _time(reader)
                # A day as the end is meant with all its hours.
                ends_at += timedelta(days=is_day)
    except OverflowError:
        raise reader.error("the time is beyond what can be reckoned with", when.end()) from None
    if ends_at - begins_at < length:
        raise reader.error(
            f"the window of {length_text(minutes)} is longer than the time that it is to lie in",
            when.start(),
        )
    return _Span(begins_at, ends_at, False)


def _time(reader: _Reader) -> tuple[datetime, bool]:
    """An instant, and whether it is written as a day. Raises ClaimError, OverflowError."""
    found = reader.take(_TIME, A_TIME)
    try:
        instant = parse_instant(found[0].replace(" ", "T"))
    except ValueError as error:
        raise reader.error(f"{found[0]!r} is no time: {error}", found.start()) from None
    if instant.second or instant.microsecond:
        raise reader.error("windows begin and end on whole minutes", found.start())
    return instant, found[2] is None


def length_text(minutes: int) -> str:
    """`1 hour`, `24 hours`, `90 minutes`."""
    number, unit = (minutes // 60, "hour") if minutes % 60 == 0 else (minutes, "minute")
    return f"{number} {unit}" + ("" if number == 1 else "s")
