"""How much of each hour a landing covers: the rows of `ops.venue_hours`.

A landing states it itself (`Landing.coverage`); for older ledgers it is derived from the landing's
objects and status. Either way the time of the request decides last: an answer requested before an
hour could be complete does not cover the whole hour, whatever its status.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from unwind.clock import HOUR as ONE_HOUR
from unwind.landing.ledger import Batch, HourCoverage, Landing
from unwind.landing.raw import RawObject
from unwind.recorder.segments import Gaps, Missed, Span, spans_missed_by_all
from unwind.venues import DAILY, DAY, HOUR, Dataset, Venue

LIQUIDATIONS = "liquidations"
REST, STREAM, DUMP = "rest", "stream", "dump"
COMPLETE, PARTIAL, FAILED = "complete", "partial", "failed"

MissedBy = Callable[[RawObject, datetime], Missed]
GapsOf = Callable[[RawObject, datetime], Gaps]


def hours_coverage(
    batch: Batch, venue: Venue, landing: Landing, missed_by: MissedBy
) -> tuple[HourCoverage, ...]:
    """One row per hour of an hour's or day's batch and source of the venue's liquidations.

    `missed_by` gives what a recorder's segment lacks of an hour. An import's coverage is unknown.
    """
    if landing.dataset != LIQUIDATIONS or batch.covers_from_at is None:
        return ()
    coverage = landing.coverage
    if coverage is None:
        coverage = _of_objects(batch, venue, landing, missed_by)
    return tuple(_as_of_request(one, batch, venue, landing) for one in coverage)


def stream_gaps(
    batch: Batch, landing: Landing, coverage: Iterable[HourCoverage], gaps_of: GapsOf
) -> Iterator[tuple[datetime, Span]]:
    """The hour and bounds of every gap in a venue's streams, by the gap lines of its segments.

    `coverage` are the landing's rows; segments of hours that lack nothing are not read.
    """
    segments = _segments_of_hours(batch, landing)
    for one in coverage:
        recorded = segments.get(one.hour_at, ())
        if one.source_kind == STREAM and recorded and one != stream_hour(one.hour_at, Missed()):
            gaps = [gaps_of(segment, one.hour_at) for segment in recorded]
            yield from ((one.hour_at, span) for span in spans_missed_by_all(gaps))


def requested_coverage(
    batch: Batch, venue: Venue, landing: Landing, lacks: Sequence[str] = ()
) -> tuple[HourCoverage, ...]:
    """The rows of a venue's answers and files, without its stream.

    `lacks` names what the answers leave out although nothing failed.
    """
    hours = hours_of(batch)
    asked = [one for one in _asked_in(batch, venue) if one.name == LIQUIDATIONS]
    usable = [one for one in landing.objects if one.problem is None]
    files = [one for one in usable if one.format not in ("frames", "rest")]
    has_answers = any(one.format == "rest" for one in usable)
    has_frames = any(one.format == "frames" for one in usable)
    coverage = []
    if any(one.files for one in asked) or files:
        coverage += _of_files(hours, files, is_day=batch.kind == "day", landing=landing)
    is_of_files = bool(asked) and all(one.files for one in asked)
    # With every file there, answers only led to them: a listing, a checksum.
    led_to_files = is_of_files and bool(files) and landing.status == "ok"
    if (has_answers and not led_to_files) or any(not one.files for one in asked):
        asked_at = landing.asked_at or landing.landed_at
        if is_of_files:
            lacks = [*lacks, f"{venue.name}'s answers stand in for files and show a part alone"]
        coverage += [
            _of_answers(
                hour_at,
                landing,
                [*lacks, *_not_kept(hour_at, asked_at, venue)],
                has_answers=has_answers,
                has_frames=has_frames,
            )
            for hour_at in hours
        ]
    return tuple(coverage)


def _asked_in(batch: Batch, venue: Venue) -> list[Dataset]:
    """The datasets that a venue is asked for in batches of this kind."""
    cadences = {DAY} if batch.kind == "day" else {HOUR, DAILY}
    return [one for one in venue.datasets if cadences & set(one.cadences)]


def settled_at(batch: Batch, venue: Venue) -> datetime:
    """When a venue's answers can be complete: the batch's end and the venue's settling time."""
    if batch.covers_to_at is None:
        raise ValueError(f"{batch.batch_id} covers no stated time")
    return batch.covers_to_at + venue.settling.after_end


def was_early(landing: Landing, batch: Batch, venue: Venue) -> bool:
    """Whether the request came before the time could be complete; a recorder makes none."""
    asked = [one for one in _asked_in(batch, venue) if one.name == landing.dataset]
    if batch.covers_to_at is None or not landing.requests or not asked:
        return False
    is_snapshot = all(one.is_snapshot for one in asked)
    complete_at = batch.covers_to_at if is_snapshot else settled_at(batch, venue)
    return (landing.asked_at or landing.landed_at) < complete_at


def as_of_request(landing: Landing, batch: Batch, venue: Venue) -> Landing:
    """The landing with its status corrected for an early request; failed ones stay failed."""
    if landing.status == "failed" or landing.is_only_early or not was_early(landing, batch, venue):
        return landing
    early = _early_detail(landing, settled_at(batch, venue))
    if landing.status in ("ok", "empty"):
        return replace(landing, status="partial", detail=early, is_only_early=True)
    if early in landing.detail:
        return landing
    return replace(landing, detail="; ".join(filter(None, (landing.detail, early))))


def _early_detail(landing: Landing, complete_at: datetime) -> str:
    asked_at = landing.asked_at or landing.landed_at
    return (
        f"asked for at {asked_at:%Y-%m-%d %H:%M:%S} UTC, before it could be complete "
        f"({complete_at:%Y-%m-%d %H:%M:%S}): land it again"
    )


def hours_of(batch: Batch) -> list[datetime]:
    """The hours that a batch covers, in order."""
    if batch.covers_from_at is None or batch.covers_to_at is None:
        return []
    count = int((batch.covers_to_at - batch.covers_from_at) / ONE_HOUR)
    return [batch.covers_from_at + ONE_HOUR * place for place in range(count)]


def hour_named(name: str) -> datetime | None:
    """2026-01-29T14.ndjson of a recorder, 20260129/14.lz4 of a node; null for other names."""
    named = re.search(r"(\d{4})-?(\d\d)-?(\d\d)[T/](\d{1,2})\.(?:ndjson|lz4)$", name)
    if named is None:
        return None
    year, month, day, hour = map(int, named.groups())
    return datetime(year, month, day, hour, tzinfo=UTC)


def stream_hour(hour_at: datetime, lacks: Missed | None) -> HourCoverage:
    """What a recorder covers of an hour; nothing without a segment (None)."""
    if lacks is None:
        detail = "the recorder has no closed segment of this hour"
        return HourCoverage(hour_at, STREAM, FAILED, 0.0, detail)
    share = min(max(1 - lacks.seconds / ONE_HOUR.total_seconds(), 0.0), 1.0)
    if lacks.is_whole:
        return HourCoverage(hour_at, STREAM, COMPLETE, share)
    return HourCoverage(hour_at, STREAM, PARTIAL, share, str(lacks))


def _as_of_request(one: HourCoverage, batch: Batch, venue: Venue, landing: Landing) -> HourCoverage:
    """A complete row that was requested too early becomes partial."""
    complete_at = one.hour_at + ONE_HOUR
    if one.source_kind == REST:
        complete_at = max(complete_at, settled_at(batch, venue))
    if one.outcome != COMPLETE or (landing.asked_at or landing.landed_at) >= complete_at:
        return one
    early = _early_detail(landing, complete_at)
    return replace(one, outcome=PARTIAL, covered_share=None, detail=early)


def _of_objects(
    batch: Batch, venue: Venue, landing: Landing, missed_by: MissedBy
) -> tuple[HourCoverage, ...]:
    of_hour = _segments_of_hours(batch, landing)
    asked = requested_coverage(batch, venue, landing)
    if not venue.recorded and not of_hour:
        return asked
    return (*asked, *_of_segments(hours_of(batch), of_hour, missed_by))


def _segments_of_hours(batch: Batch, landing: Landing) -> dict[datetime | None, list[RawObject]]:
    only_hour = batch.covers_from_at if batch.kind == "hour" else None
    of_hour: dict[datetime | None, list[RawObject]] = defaultdict(list)
    for one in landing.objects:
        if one.problem is None and one.format == "frames":
            of_hour[hour_named(one.name) or only_hour].append(one)
    return of_hour


def _of_segments(
    hours: Iterable[datetime],
    of_hour: Mapping[datetime | None, Sequence[RawObject]],
    missed_by: MissedBy,
) -> list[HourCoverage]:
    # The recorder that missed least; newer ledgers state what all recorders missed.
    lacks = {
        hour_at: [missed_by(one, hour_at) for one in of_hour.get(hour_at, ())] for hour_at in hours
    }
    return [
        stream_hour(hour_at, min(each, key=lambda one: (one.seconds, one.frames), default=None))
        for hour_at, each in lacks.items()
    ]


def _of_files(
    hours: Sequence[datetime], files: Iterable[RawObject], is_day: bool, landing: Landing
) -> list[HourCoverage]:
    """Files named after an hour. A day's dump of one contract does not cover the others.

    Where a landing lacks something although every hour has its file, each hour may lack it.
    """
    named = {hour_named(one.name) for one in files}
    is_cut = landing.status == "partial" and not landing.is_only_early and named.issuperset(hours)
    rows = [
        HourCoverage(hour_at, DUMP, PARTIAL, None, landing.detail)
        if is_cut
        else HourCoverage(hour_at, DUMP, COMPLETE, 1.0)
        for hour_at in hours
        if hour_at in named
    ]
    if is_day and not named - {None} and landing.status != "failed":
        return []
    lacking = landing.detail or "there is no file of this hour"
    rows += [
        HourCoverage(hour_at, DUMP, FAILED, 0.0, lacking)
        for hour_at in hours
        if hour_at not in named
    ]
    return sorted(rows, key=lambda one: one.hour_at)


def _of_answers(
    hour_at: datetime,
    landing: Landing,
    lacks: Sequence[str],
    has_answers: bool,
    has_frames: bool,
) -> HourCoverage:
    if landing.status == "failed" or (
        landing.status == "partial" and has_frames and not has_answers
    ):
        # A segment turns failed into partial: only the stream is there.
        return HourCoverage(hour_at, REST, FAILED, 0.0, landing.detail)
    if lacks:
        return HourCoverage(hour_at, REST, PARTIAL, None, "; ".join(dict.fromkeys(lacks)))
    if landing.status in ("ok", "empty"):
        return HourCoverage(hour_at, REST, COMPLETE, 1.0)
    return HourCoverage(hour_at, REST, PARTIAL, None, landing.detail)


def _not_kept(hour_at: datetime, asked_at: datetime, venue: Venue) -> list[str]:
    """Why a venue's answers cannot reach back to an hour."""
    kept = venue.retention
    if kept is None or hour_at >= asked_at - kept.back:
        return []
    return [
        f"asked for at {asked_at:%Y-%m-%d %H:%M:%S} UTC, and {venue.name} keeps its past for "
        f"{kept.back / ONE_HOUR:.0f} hours"
    ]
