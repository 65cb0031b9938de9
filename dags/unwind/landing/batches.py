"""Batches that can be landed: a UTC hour, or a UTC day of dumps and histories."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from unwind.clock import HOUR as ONE_HOUR
from unwind.clock import parse_day, parse_hour
from unwind.errors import UnwindError
from unwind.landing.ledger import Batch
from unwind.venues import Window

ONE_DAY = timedelta(days=1)
# 2026-11-25: the oldest of the venues opened its perpetual swap in May 2016; the first
# public feeds and statistics of liquidations begin later. The same instant screens every row
# (dbt_project/macros/first_public_at.sql).
FIRST_PUBLIC_AT = datetime(2017, 1, 1, tzinfo=UTC)


class NotLandableError(UnwindError, ValueError):
    """An hour or day that cannot be landed: it is not over, or lies before all public data."""

    exit_code = 2


def check_landable(batch: Batch, now: datetime) -> Batch:
    """The batch itself. Raises NotLandableError for time that is not over or cannot be."""
    window = window_of(batch)
    span = f"{batch.batch_id} covers {window.from_at:%Y-%m-%d %H:%M} to {window.to_at:%H:%M} UTC"
    if window.to_at > now:
        raise NotLandableError(
            f"{span}, which is not over: it is {now:%Y-%m-%d %H:%M:%S} UTC; land it after its end"
        )
    if window.from_at < FIRST_PUBLIC_AT:
        raise NotLandableError(
            f"{span}, before the first public data ({FIRST_PUBLIC_AT:%Y-%m-%d}); choose a later one"
        )
    return batch


def check_possible(batch: Batch, now: datetime) -> None:
    """Refuses times in the future or before all public data; a running hour lands as partial."""
    window = window_of(batch)
    if window.from_at > now or window.from_at < FIRST_PUBLIC_AT:
        check_landable(batch, now)


def hour_batch(hour_at: datetime) -> Batch:
    """The batch of one UTC hour, `hour-2026-01-29T14` for 14:00 to 15:00."""
    return Batch(f"hour-{hour_at:%Y-%m-%dT%H}", "hour", hour_at, hour_at + ONE_HOUR)


def day_batch(day_at: datetime) -> Batch:
    """The batch of one UTC day of dumps and histories, `day-2026-01-28`."""
    start = day_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return Batch(f"day-{start:%Y-%m-%d}", "day", start, start + ONE_DAY)


def batch_of(batch_id: str) -> Batch:
    """The batch that an id of an hour or a day names; raises ValueError for any other id."""
    kind, _, when = batch_id.partition("-")
    if kind == "hour":
        return hour_batch(parse_hour(when))
    if kind == "day":
        return day_batch(parse_day(when))
    raise ValueError(
        f"{batch_id!r} is no batch that can be landed; write hour-2026-01-29T14 or day-2026-01-28"
    )


def window_of(batch: Batch) -> Window:
    """The time that a batch covers. Raises ValueError for one that states none, as imports do."""
    if batch.covers_from_at is None or batch.covers_to_at is None:
        raise ValueError(f"{batch.batch_id} covers no stated time, so nothing can be landed for it")
    return Window(batch.covers_from_at, batch.covers_to_at)


def hours_of_the_day_before(batch: Batch) -> list[str]:
    """Ids of the hour batches of the 24 hours before a batch's end, newest first."""
    newest = window_of(batch).to_at - ONE_HOUR
    ids = [hour_batch(newest - back * ONE_HOUR).batch_id for back in range(24)]
    return [batch_id for batch_id in ids if batch_id != batch.batch_id]
