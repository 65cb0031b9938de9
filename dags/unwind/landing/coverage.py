"""What a landing heard of each hour: the rows of `ops.venue_hours`.

A landing says it itself (`Landing.heard`). Of ledgers without it, the same is worked out from the
landing's objects and status. In both cases the time of asking has the last word: what was asked
for before an hour could be complete is no proof of the whole hour, whatever its status says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime

from unwind.clock import HOUR as ONE_HOUR
from unwind.landing.ledger import Batch, HeardHour, Landing
from unwind.landing.raw import RawObject
from unwind.landing.segments import Missed
from unwind.venues import DAY, HOUR, Venue

LIQUIDATIONS = "liquidations"
REST, STREAM, DUMP = "rest", "stream", "dump"
COMPLETE, PARTIAL, FAILED = "complete", "partial", "failed"

MissedBy = Callable[[RawObject, datetime], Missed]


def heard_hours(
    batch: Batch, venue: Venue, landing: Landing, missed_by: MissedBy
) -> tuple[HeardHour, ...]:
    """One row per hour of an hour's or day's batch and source of the venue's liquidations.

    `missed_by` says what a recorder's segment lacks of an hour. Nobody knows what an import covers.
    """
    if landing.dataset != LIQUIDATIONS or batch.covers_from_at is None:
        return ()
    heard = landing.heard
    if heard is None:
        heard = _from_objects(batch, venue, landing, missed_by)
    return tuple(_as_of_asking(one, batch, venue, landing) for one in heard)


def hours_of(batch: Batch) -> list[datetime]:
    """The hours that a batch covers, in order."""
    if batch.covers_from_at is None or batch.covers_to_at is None:
        return []
    count = int((batch.covers_to_at - batch.covers_from_at) / ONE_HOUR)
    return [batch.covers_from_at + ONE_HOUR * place for place in range(count)]


def hour_named(name: str) -> datetime | None:
    """2026-01-29T14.ndjson of a recorder, 20260129/14.lz4 of a node; null for other names."""
    named = re.search(r"(\d{4})-?(\d\d)-?(\d\d)[T/](\d{1,2})\.(?:ndjson|lz4)$", name)
    return datetime(*map(int, named.groups()), tzinfo=UTC) if named else None


def stream_hour(hour_at: datetime, lacks: Missed | None) -> HeardHour:
    """What a recorder heard of an hour; without a segment (None) nothing."""
    if lacks is None:
        detail = "the recorder has no closed segment of this hour"
        return HeardHour(hour_at, STREAM, FAILED, 0.0, detail)
    share = min(max(1 - lacks.seconds / ONE_HOUR.total_seconds(), 0.0), 1.0)
    if lacks.is_whole:
        return HeardHour(hour_at, STREAM, COMPLETE, share)
    return HeardHour(hour_at, STREAM, PARTIAL, share, str(lacks))


def _as_of_asking(one: HeardHour, batch: Batch, venue: Venue, landing: Landing) -> HeardHour:
    """A row that says complete although it was asked for too early becomes partial."""
    asked_at = landing.asked_at or landing.landed_at
    could_be_at = one.hour_at + ONE_HOUR
    if one.source_kind == REST:
        could_be_at = (batch.covers_to_at or could_be_at) + venue.settling.after_end
    if one.outcome != COMPLETE or asked_at >= could_be_at:
        return one
    detail = (
        f"asked for at {asked_at:%Y-%m-%d %H:%M:%S}, before the hour could be complete "
        f"({could_be_at:%Y-%m-%d %H:%M:%S})"
    )
    return replace(one, outcome=PARTIAL, covered_share=None, detail=detail)


def _from_objects(
    batch: Batch, venue: Venue, landing: Landing, missed_by: MissedBy
) -> tuple[HeardHour, ...]:
    hours = hours_of(batch)
    cadence = HOUR if batch.kind == "hour" else DAY
    asked = [
        one for one in venue.datasets if one.name == LIQUIDATIONS and cadence in one.cadences
    ]
    usable = [one for one in landing.objects if one.problem is None]
    frames = [one for one in usable if one.format == "frames"]
    files = [one for one in usable if one.format not in ("frames", "rest")]
    answers = [one for one in usable if one.format == "rest"]
    heard = []
    if venue.recorded or frames:
        heard += _of_segments(batch, hours, frames, missed_by)
    if any(one.files for one in asked) or files:
        heard += _of_files(hours, files, is_day=batch.kind == "day", landing=landing)
    if answers or any(not one.files for one in asked):
        heard += _of_answers(hours, landing, has_answers=bool(answers), has_frames=bool(frames))
    return tuple(heard)


def _of_segments(
    batch: Batch, hours: Iterable[datetime], frames: Iterable[RawObject], missed_by: MissedBy
) -> list[HeardHour]:
    only_hour = batch.covers_from_at if batch.kind == "hour" else None
    of_hour = {hour_named(one.name) or only_hour: one for one in frames}
    return [
        stream_hour(
            hour_at, missed_by(of_hour[hour_at], hour_at) if hour_at in of_hour else None
        )
        for hour_at in hours
    ]


def _of_files(
    hours: Iterable[datetime], files: Iterable[RawObject], is_day: bool, landing: Landing
) -> list[HeardHour]:
    """Files that an hour is named by. A day's dump of one contract says nothing of the others."""
    named = {hour_named(one.name) for one in files}
    rows = [HeardHour(hour_at, DUMP, COMPLETE, 1.0) for hour_at in hours if hour_at in named]
    if is_day and not named - {None} and landing.status != "failed":
        return []
    lacking = landing.detail or "there is no file of this hour"
    rows += [
        HeardHour(hour_at, DUMP, FAILED, 0.0, lacking) for hour_at in hours if hour_at not in named
    ]
    return sorted(rows, key=lambda one: one.hour_at)


def _of_answers(
    hours: Iterable[datetime], landing: Landing, has_answers: bool, has_frames: bool
) -> list[HeardHour]:
    if landing.status in ("ok", "empty"):
        outcome, share = COMPLETE, 1.0
    elif landing.status == "failed" or (has_frames and not has_answers):
        # A segment made partial of what had failed: the stream alone is there.
        outcome, share = FAILED, 0.0
    else:
        outcome, share = PARTIAL, None
    detail = "" if outcome == COMPLETE else landing.detail
    return [HeardHour(hour_at, REST, outcome, share, detail) for hour_at in hours]
