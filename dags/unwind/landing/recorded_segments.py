"""Recorder segments: how they are added to the landed data of their hour."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from tenacity import Retrying, retry_if_result, stop_after_attempt
from tenacity.wait import wait_fixed

from unwind.clock import HOUR as ONE_HOUR
from unwind.clock import Clock, parse_hour
from unwind.landing.batches import hour_batch, window_of
from unwind.landing.coverage import (
    COMPLETE,
    FAILED,
    PARTIAL,
    REST,
    STREAM,
    hour_named,
    requested_coverage,
    stream_hour,
)
from unwind.landing.ledger import Batch, HourCoverage, Landing, Ledger, Seal
from unwind.landing.raw import RawObject, RawZone
from unwind.recorder.segments import (
    CLOSED,
    RecorderFolder,
    closed_path,
    gaps_in,
    gaps_of,
    missed_by_all,
    open_path,
    recorder_folders,
)
from unwind.recorder.state import read_state
from unwind.settings import Home
from unwind.venues import Venue, venues

# 2026-11-25: a segment is closed within a second of its hour's end, unless the disk is busy.
CLOSING_SECONDS = 30
# A recorder that was down for longer is landed by hand: land the hours again.
LATE_SEGMENTS = timedelta(days=7)


def land_late_segments(home: Home, clock: Clock) -> list[Seal]:
    """Lands closed recorder segments that their hour's batch was sealed without, and reseals it.

    That is what a recorder leaves that was down when its hour ended. Hours that are not sealed yet
    are left to their own landing.
    """
    ledger = Ledger(home)
    seals = []
    for hour_at in _recorded_hours(home, since=clock() - LATE_SEGMENTS):
        batch = hour_batch(hour_at)
        if ledger.last_seal(batch.batch_id) is None:
            continue
        late = False
        for venue in filter(lambda venue: venue.recorded, venues().values()):
            landings = {one.dataset: one for one in ledger.landed(batch.batch_id, venue.name)}
            before = landings.get("liquidations")
            after = with_segments(home, batch, venue, before, clock)
            if after and after.objects != (before.objects if before else ()):
                landings["liquidations"] = after
                ledger.record_landing(batch.batch_id, venue.name, list(landings.values()))
                late = True
        if late:
            seals.append(ledger.seal(batch, clock()))
    return seals


def _recorded_hours(home: Home, since: datetime) -> list[datetime]:
    """The hours, oldest first, for which any recorder of any venue has a closed segment."""
    names = {
        path.name.removesuffix(CLOSED)
        for depth in ("*", "*/*")
        for path in home.recorder.glob(f"{depth}/????-??-??T??{CLOSED}")
    }
    return [hour_at for hour_at in map(parse_hour, sorted(names)) if hour_at >= since]


def with_segments(
    home: Home,
    batch: Batch,
    venue: Venue,
    landing: Landing | None,
    clock: Clock,
    sleep: Callable[[float], None] = time.sleep,
) -> Landing | None:
    """Adds the closed recorder segments of the batch's hours to the liquidations.

    A segment with gaps makes them partial, unless REST has reported the whole hour as well.
    """
    landed = landing.objects if landing else ()
    segments = {one.name: one for one in landed if one.format == "frames"}
    folders, zone = recorder_folders(home.recorder, venue.name), RawZone(home)
    paths: dict[str, Path] = {}
    lacking, streamed = [], []
    for hour_at in window_of(batch).hours:
        closed = _closed_segments(folders, hour_at, clock, sleep)
        if not closed:
            streamed.append(_streamed_before(zone, landing, hour_at))
            continue
        gone = [one for one in segments.values() if one.name not in closed]
        lacks = missed_by_all(
            [gaps_of(path, hour_at) for path in closed.values()]
            + [gaps_in(zone.lines_of(one), hour_at) for one in gone if _is_of(one, hour_at)]
        )
        paths |= closed
        streamed.append(stream_hour(hour_at, lacks))
        if not lacks.is_whole:
            lacking.append(f"{hour_at:%Y-%m-%dT%H}: {lacks}")
    if not paths and landing is None:
        if not venue.recorded or batch.kind != "hour":
            return None
        detail = (
            f"nothing was recorded: {folders[0].path} has no closed segment of this hour; what the "
            "venue published then is not known"
        )
        return Landing(
            "liquidations", "failed", detail, 0, (), clock(), clock(), coverage=tuple(streamed)
        )
    for name, path in paths.items():
        # A segment grows when the clock is set back over its hour, or while it is copied from
        # another host; it then replaces itself.
        if name not in segments or segments[name].bytes != path.stat().st_size:
            segments[name] = zone.put(
                path,
                venue=venue.name,
                dataset="liquidations",
                format="frames",
                name=name,
                received_at=clock(),
            )
    held = (*(one for one in landed if one.format != "frames"), *segments.values())
    missing = "; ".join(lacking[:3])
    if not paths and landing is not None and not landing.requests:
        return landing
    if landing is None or not landing.requests:
        status = "partial" if lacking else "ok"
        now = clock()
        coverage = _with_stream(venue, (landing and landing.coverage) or (), streamed)
        return Landing("liquidations", status, missing, 0, held, now, now, coverage=coverage)
    asked = (
        requested_coverage(batch, venue, landing) if landing.coverage is None else landing.coverage
    )
    coverage = _with_stream(venue, asked, streamed)
    status, details = landing.status, [_without_stream(landing)]
    if paths:
        status = {"failed": "partial", "empty": "ok"}.get(status, status)
        if landing.status == "empty":
            details = []
        if missing:
            details.append(missing)
    not_covered = _not_covered(batch, coverage)
    if status in ("ok", "empty") and not_covered:
        status = "partial"
        details += [one for one in not_covered if one not in landing.detail]
    detail = "; ".join(filter(None, details))
    return replace(landing, status=status, detail=detail, objects=held, coverage=coverage)


def _closed_segments(
    folders: Sequence[RecorderFolder],
    hour_at: datetime,
    clock: Clock,
    sleep: Callable[[float], None],
) -> dict[str, Path]:
    """The closed segments of an hour by their names in the raw zone: one per recorder."""
    closed = {}
    for folder in folders:
        _wait_until_closed(folder.path, hour_at, clock, sleep)
        path = closed_path(folder.path, hour_at)
        if path.exists():
            closed[f"{folder.object_name}/{path.name}"] = path
    return closed


def _is_of(segment: RawObject, hour_at: datetime) -> bool:
    return segment.problem is None and hour_named(segment.name) == hour_at


def _streamed_before(zone: RawZone, landing: Landing | None, hour_at: datetime) -> HourCoverage:
    """The coverage by landed segments of the hour that no recorder's folder has any more."""
    if landing is not None:
        for one in landing.coverage or ():
            if one.source_kind == STREAM and one.hour_at == hour_at:
                return one
        landed = [one for one in landing.objects if one.format == "frames" and _is_of(one, hour_at)]
        if landed:
            gaps = [gaps_in(zone.lines_of(one), hour_at) for one in landed]
            return stream_hour(hour_at, missed_by_all(gaps))
    return stream_hour(hour_at, None)


def _without_stream(landing: Landing) -> str:
    """A landing's detail without its part on the stream, which is derived again."""
    stream_details = {
        f"{one.hour_at:%Y-%m-%dT%H}: {one.detail}"
        for one in landing.coverage or ()
        if one.source_kind == STREAM and one.detail
    }
    return "; ".join(part for part in landing.detail.split("; ") if part not in stream_details)


def _with_stream(
    venue: Venue, asked: Iterable[HourCoverage], streamed: Iterable[HourCoverage]
) -> tuple[HourCoverage, ...]:
    """The rows of responses and files, plus the recorder's if the venue is recorded."""
    rows = [one for one in asked if one.source_kind != STREAM]
    rows += [one for one in streamed if venue.recorded or one.outcome != FAILED]
    return tuple(sorted(rows, key=lambda one: (one.hour_at, one.source_kind)))


def _not_covered(batch: Batch, coverage: Sequence[HourCoverage]) -> list[str]:
    """Why partly answered hours are not fully covered by any source, each reason once."""
    whole = {one.hour_at for one in coverage if one.outcome == COMPLETE}
    return list(
        dict.fromkeys(
            one.detail
            for one in coverage
            if one.source_kind == REST and one.outcome == PARTIAL and one.hour_at not in whole
        )
    )


def _wait_until_closed(
    folder: Path, hour_at: datetime, clock: Clock, sleep: Callable[[float], None]
) -> None:
    """Gives a running recorder the second or two that it needs to close an hour that is over."""

    def is_being_closed() -> bool:
        state = read_state(folder)
        return (
            open_path(folder, hour_at).exists()
            and hour_at + ONE_HOUR <= clock()
            and state is not None
            and state.is_running(clock())
        )

    Retrying(
        retry=retry_if_result(bool),
        stop=stop_after_attempt(CLOSING_SECONDS),
        wait=wait_fixed(1),
        sleep=sleep,
        retry_error_callback=lambda _: None,
    )(is_being_closed)
