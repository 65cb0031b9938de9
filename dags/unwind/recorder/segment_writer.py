"""One venue's open segment while it is written.

Lines are buffered in memory until the next flush. The buffer is bounded: frames that do not fit are
counted, and the count is written as a gap.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from unwind.clock import HOUR, Clock
from unwind.recorder.segments import (
    ALL_STREAMS,
    append,
    close,
    continue_open,
    event_line,
    frame_line,
    hour_of,
)

logger = logging.getLogger(__name__)

# 2026-11-25: 32 MiB are 40 s of 2,000 frames a second of 400 bytes.
MAX_HELD_BYTES = 32 * 2**20
# The clock is read twice a second: a longer pause means that nothing ran in between.
STALLED_AFTER = timedelta(seconds=30)
# How far a clock may be set back without starting another segment.
CLOCK_STEP = timedelta(seconds=60)


@dataclass
class _Part:
    """The lines of one hour that are not on disk yet."""

    hour_at: datetime
    lines: list[bytes] = field(default_factory=list)
    is_begun: bool = False
    is_over: bool = False


@dataclass
class _Gap:
    since: datetime
    reason: str


@dataclass
class _Dropped:
    from_at: datetime
    to_at: datetime
    frames: int = 1


class SegmentWriter:
    """Writes the segments of one venue; all but the disk's work happens on one event loop."""

    def __init__(
        self, folder: Path, clock: Clock, disk: Executor, max_bytes: int = MAX_HELD_BYTES
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._disk = disk
        self._max_bytes = max_bytes
        self._held_bytes = 0
        self._seen_at = clock()
        self._parts = deque([_Part(hour_of(self._seen_at))])
        self._gaps: dict[str, _Gap] = {}
        self._dropped: dict[str, _Dropped] = {}
        self.flushed_at: datetime | None = None
        self.problem = ""
        self.failed_since: datetime | None = None
        self.closed_hour_at: datetime | None = None

    @property
    def held_bytes(self) -> int:
        """How much waits to be written to disk."""
        return self._held_bytes

    @property
    def hour_at(self) -> datetime:
        """The hour of the segment that is being written."""
        return self._parts[-1].hour_at

    def begin(self, flushed_at: datetime | None) -> None:
        """Continues the segments of an earlier recorder, and records the gap since it ended.

        What came before `flushed_at`, that one had put on disk. Raises OSError.
        """
        now = self._seen_at
        since = continue_open(self._folder, now, flushed_at) or hour_of(now)
        self.lost(ALL_STREAMS, since, "the recorder was not running")
        self.found(ALL_STREAMS, now)

    # -- input ------------------------------------------------------------------------------------

    def frame(self, stream: str, text: str) -> datetime | None:
        """Buffers a frame and returns its time of receipt; None when there was no room for it."""
        at = self._clock()
        self.roll_over(at)
        line = frame_line(at, text)
        if self._held_bytes + len(line) > self._max_bytes:
            self.drop(stream, at)
            return None
        if self._dropped:
            self._write_dropped()
        self._add(line)
        return at

    def event(self, at: datetime, event: str, **details: Any) -> None:
        """Buffers a line of a connection's start or end; there is always room for these."""
        self.roll_over(at)
        self._add(event_line(at, event, details))

    def drop(self, stream: str, at: datetime) -> None:
        """Counts a frame that is lost."""
        if stream in self._dropped:
            self._dropped[stream].frames += 1
            self._dropped[stream].to_at = at
        else:
            self._dropped[stream] = _Dropped(at, at)

    def lost(self, stream: str, since: datetime, reason: str) -> None:
        """A stream is lost from this instant on, until it is `found`."""
        self._gaps.setdefault(stream, _Gap(since, reason))

    def found(self, stream: str, at: datetime) -> None:
        """A stream is received again; what was missed is written as a gap."""
        self.roll_over(at)
        gap = self._gaps.pop(stream, None)
        if gap and gap.since < at:
            self._add(_gap_line(at, stream, gap.since, at, gap.reason))

    def roll_over(self, now: datetime) -> None:
        """Starts the next hour's segment on time, whether or not frames arrive."""
        stalled = now - self._seen_at > STALLED_AFTER
        if stalled:
            self.lost(ALL_STREAMS, self._seen_at, "the recorder stood still, or the clock was set")
        self._seen_at = now
        hour_at = self.hour_at
        if now >= hour_at + HOUR or now < hour_at - CLOCK_STEP:
            self._next_part(now)
        if stalled:
            self.found(ALL_STREAMS, now)

    def _next_part(self, now: datetime) -> None:
        part = self._parts[-1]
        until, begins_at = min(part.hour_at + HOUR, now), hour_of(now)
        self._write_dropped()
        for stream, gap in self._gaps.items():
            if gap.since < until:
                self._add(_gap_line(gap.since, stream, gap.since, until, gap.reason))
            gap.since = max(gap.since, begins_at)
        part.is_over = True
        self._parts.append(_Part(begins_at))

    def _write_dropped(self) -> None:
        reason = "frames were dropped"
        for stream, dropped in self._dropped.items():
            at, until = dropped.from_at, dropped.to_at
            logger.warning("%s: %s frames were dropped", stream, f"{dropped.frames:,}")
            self._add(_gap_line(until, stream, at, until, reason, dropped=dropped.frames))
        self._dropped.clear()

    def _add(self, line: bytes) -> None:
        self._parts[-1].lines.append(line)
        self._held_bytes += len(line)

    # -- output -----------------------------------------------------------------------------------

    async def flush(self) -> None:
        """Writes the buffer to disk and closes the hours that are over.

        Lines that cannot be written stay buffered for the next flush; `problem` states the error.
        """
        began_at = self._clock()
        self.roll_over(began_at)
        if self._dropped and self._held_bytes < self._max_bytes:
            self._write_dropped()
        try:
            for part in self._due():
                await self._write(part)
        except OSError as error:
            self.failed_since = self.failed_since or self._clock()
            problem = f"the segment in {self._folder} cannot be written: {error.strerror or error}"
            if problem != self.problem:
                logger.error("%s; it is tried again twice a second", problem)
            self.problem = problem
        else:
            if self.problem:
                logger.warning("the segment in %s can be written again", self._folder)
            self.problem, self.failed_since, self.flushed_at = "", None, began_at

    def _due(self) -> Iterator[_Part]:
        while True:
            part = self._parts[0]
            is_over = part.is_over
            if part.lines or not part.is_begun or is_over:
                yield part
            if not is_over:
                return
            self._parts.popleft()

    async def _write(self, part: _Part) -> None:
        loop = asyncio.get_running_loop()
        is_over = part.is_over
        lines, part.lines = part.lines, []
        try:
            await loop.run_in_executor(self._disk, append, self._folder, part.hour_at, lines)
        except OSError:
            part.lines[:0] = lines
            raise
        self._held_bytes -= sum(map(len, lines))
        part.is_begun = True
        if is_over:
            await loop.run_in_executor(self._disk, close, self._folder, part.hour_at)
            self.closed_hour_at = part.hour_at


def _gap_line(
    at: datetime, stream: str, from_at: datetime, to_at: datetime, reason: str, **more: Any
) -> bytes:
    named = {"stream": stream} if stream != ALL_STREAMS else {}
    return event_line(
        at, "gap", {**named, "reason": reason, "from_at": from_at, "to_at": to_at, **more}
    )
