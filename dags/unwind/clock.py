"""Instants: always aware, always UTC, in one notation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import MAXYEAR, UTC, datetime, timedelta

from unwind.errors import SettingError
from unwind.settings import NOW, settings

Clock = Callable[[], datetime]

HOUR = timedelta(hours=1)


def utc_now() -> datetime:
    """The clock that the command line, DAG files and recorder pass in: the real one, or the
    instant in UNWIND_NOW."""
    stated = settings().now
    if not stated:
        return datetime.now(UTC)
    try:
        return parse_instant(stated)
    except ValueError:
        raise SettingError(
            f"{NOW} is {stated!r}; unset it, or write it as 2026-01-29T14:00:00Z"
        ) from None


def iso(instant: datetime) -> str:
    """`2026-01-29T14:00:00.123456Z`; raises ValueError on a naive datetime."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant} has no time zone; pass an aware datetime in UTC")
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_instant(text: str) -> datetime:
    """An ISO 8601 instant as aware UTC; without an offset it is taken as UTC."""
    instant = datetime.fromisoformat(text)
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def parse_time(text: str) -> datetime:
    """An instant in an argument; raises ValueError, in a sentence that shows the form."""
    return _parsed(text, f"{text!r} is no time; write it as 2026-01-29T14:00:00Z")


def parse_hour(text: str) -> datetime:
    """The start of an hour from `2026-01-29T14`; a date alone and minutes are refused.

    Raises ValueError, in a sentence that shows the form.
    """
    instant = _parsed(text, f"{text!r} is no hour; write it as 2026-01-29T14 (UTC)")
    if "T" not in text.strip().replace(" ", "T").upper():
        raise ValueError(f"{text!r} is a date without an hour; write it as 2026-01-29T14 (UTC)")
    if instant != instant.replace(minute=0, second=0, microsecond=0):
        raise ValueError(f"{text!r} is not a whole hour; write it as 2026-01-29T14 (UTC)")
    return instant


def parse_day(text: str) -> datetime:
    """The start of a UTC day from `2026-01-28`; raises ValueError for all else."""
    problem = f"{text!r} is no day; write it as 2026-01-28 (UTC)"
    instant = _parsed(text, problem)
    if len(text.strip()) != len("2026-01-28"):
        raise ValueError(problem)
    return instant


def _parsed(text: str, problem: str) -> datetime:
    try:
        instant = parse_instant(text)
    except (ValueError, OverflowError):
        raise ValueError(problem) from None
    # What begins in the calendar's last year may have no end in it.
    if instant.year == MAXYEAR:
        raise ValueError(f"{text!r} is at the end of the calendar; choose an earlier year")
    return instant
