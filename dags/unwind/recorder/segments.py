"""Recorder segments: one file of envelope lines a recorder, venue and hour of receipt.

`<hour>.ndjson.open` is being written, `<hour>.ndjson` is closed and never changes again. Its `gap`
lines state what was missed: `from_at` and `to_at` bound the time, `dropped` counts frames. A
segment without lines is an hour in which the recorder was connected and the venue sent nothing.
"""

from __future__ import annotations

import glob
import json
import os
import re
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from unwind.clock import HOUR, iso, parse_instant
from unwind.durable import atomic_write, sync

HOUR_NAME = "%Y-%m-%dT%H"
CLOSED, OPEN = ".ndjson", ".ndjson.open"
# 2026-11-22: a lost connection is back within 1 to 5 s; below this an hour counts as complete.
WHOLE_WITHIN_SECONDS = 60.0
# Errors of reading an instant or a count from a line of unknown content.
UNREADABLE_VALUE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)
RECORDER_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
# Read at a time from the end of a segment; a line has some 300 bytes.
TAIL_BYTES = 64 * 1024
# Stands for the stream of a gap that names none.
ALL_STREAMS = ""


@dataclass(frozen=True)
class RecorderFolder:
    """The folder of one recorder's segments of a venue; the unnamed one is this home's."""

    recorder: str
    venue: str
    path: Path

    @property
    def object_name(self) -> str:
        """The prefix of its segments' names in the raw zone."""
        return "/".join(filter(None, ("recorder", self.recorder, self.venue)))


def recorder_folder(recorded: Path, recorder: str, venue: str) -> RecorderFolder:
    """A recorder's folder of a venue, below the home's folder of all recorders."""
    return RecorderFolder(recorder, venue, recorded / recorder / venue)


def recorder_folders(recorded: Path, venue: str) -> list[RecorderFolder]:
    """The folders of all recorders of a venue, the unnamed recorder's first."""
    named = sorted(
        path.parent.name
        for path in recorded.glob(f"*/{glob.escape(venue)}")
        if path.is_dir() and RECORDER_NAME.fullmatch(path.parent.name)
    )
    return [recorder_folder(recorded, name, venue) for name in ("", *named)]


def hour_of(instant: datetime) -> datetime:
    """The start of an instant's UTC hour."""
    return instant.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def closed_path(folder: Path, hour_at: datetime) -> Path:
    """The path of a venue's closed segment of an hour."""
    return folder / f"{hour_at:{HOUR_NAME}}{CLOSED}"


def open_path(folder: Path, hour_at: datetime) -> Path:
    """The path of a segment that is being written."""
    return folder / f"{hour_at:{HOUR_NAME}}{OPEN}"


def frame_line(received_at: datetime, text: str) -> bytes:
    """The envelope line of one frame. ASCII only, so that no character of it ends a line."""
    stamp = received_at.isoformat(timespec="microseconds")[:26]
    return f'{{"received_at":"{stamp}Z","frame":{json.dumps(text)}}}\n'.encode("ascii")


def event_line(at: datetime, event: str, details: Mapping[str, Any]) -> bytes:
    """The envelope line of a connection's start, end or gap; instants in `details` as text."""
    fields = {key: iso(one) if isinstance(one, datetime) else one for key, one in details.items()}
    return (
        json.dumps(
            {"received_at": iso(at), "event": event, **fields}, separators=(",", ":")
        ).encode("ascii")
        + b"\n"
    )


def append(folder: Path, hour_at: datetime, lines: Iterable[bytes]) -> None:
    """Adds whole lines to an open segment and puts them on disk; without lines it is begun.

    Raises OSError, a full disk for instance; then nothing of the lines is in the segment.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = open_path(folder, hour_at)
    is_new = not path.exists()
    # Unbuffered: after an error nothing is left that closing the file would try to write again.
    with path.open("ab", buffering=0) as segment:
        size = segment.tell()
        rest = memoryview(b"".join(lines))
        try:
            while rest:
                rest = rest[segment.write(rest) :]
            os.fsync(segment.fileno())
        except OSError:
            os.truncate(segment.fileno(), size)
            raise
    if is_new:
        sync(folder)


def close(folder: Path, hour_at: datetime) -> None:
    """Closes an open segment; from then on it can be landed. Raises OSError."""
    path, target = open_path(folder, hour_at), closed_path(folder, hour_at)
    if target.exists():
        # The clock was set back over the hour: later frames are appended, and nothing is lost.
        with atomic_write(target) as beside, beside.open("wb") as both:
            for part in (target, path):
                with part.open("rb") as lines:
                    shutil.copyfileobj(lines, both)
        path.unlink()
    else:
        path.rename(target)
    sync(folder)


def continue_open(folder: Path, now: datetime, flushed_at: datetime | None) -> datetime | None:
    """Continues what an earlier recorder left open: past hours are closed, this hour goes on.

    Torn last lines are cut. Returns since when this hour was not recorded; None when it was not
    begun at all. What came before `flushed_at`, the former recorder had put on disk.
    """
    recorded_until = None
    for path in sorted(folder.glob(f"*{OPEN}")):
        hour_at = datetime.strptime(path.name.removesuffix(OPEN), HOUR_NAME).replace(tzinfo=UTC)
        ends_at = hour_at + HOUR
        cut_bytes, last_line_at = _cut_torn_line(path)
        signs = [hour_at, last_line_at, flushed_at]
        since = min(max(sign for sign in signs if sign), ends_at)
        details: dict[str, Any] = {"cut_bytes": cut_bytes} if cut_bytes else {}
        if now < ends_at:
            recorded_until = min(since, now)
            if cut_bytes:
                reason = "a line was torn by the recorder's end"
                lines = [event_line(now, "gap", {"reason": reason, **details})]
                append(folder, hour_at, lines)
            continue
        lines = []
        if since < ends_at or cut_bytes:
            details |= {
                "reason": "the recorder was not running",
                "from_at": since,
                "to_at": ends_at,
            }
            lines = [event_line(since, "gap", details)]
        append(folder, hour_at, lines)
        close(folder, hour_at)
    return recorded_until


def _cut_torn_line(path: Path) -> tuple[int, datetime | None]:
    """Cuts what follows the last line end: how many bytes, and the last whole line's time."""
    size = path.stat().st_size
    tail = _from_last_whole_line(path, size)
    whole = tail.rfind(b"\n") + 1
    torn = len(tail) - whole
    if torn:
        os.truncate(path, size - torn)
    last = tail[tail.rfind(b"\n", 0, max(whole - 1, 0)) + 1 : whole]
    try:
        return torn, parse_instant((_envelope(last) or {})["received_at"])
    except UNREADABLE_VALUE:
        return torn, None


def _from_last_whole_line(path: Path, size: int) -> bytes:
    """A segment's end, from before its last whole line on; a busy hour's segment has gigabytes."""
    with path.open("rb") as segment:
        tail, start = b"", size
        while start and tail.count(b"\n") < 2:
            step = min(start, TAIL_BYTES)
            start -= step
            segment.seek(start)
            tail = segment.read(step) + tail
    return tail


@dataclass(frozen=True)
class Missed:
    """What a segment missed, by its own gap lines: seconds without a connection, dropped frames."""

    seconds: float = 0.0
    frames: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether the segment holds all that the venue sent in its hour, within a tolerance."""
        return self.seconds <= WHOLE_WITHIN_SECONDS and not self.frames

    def __str__(self) -> str:
        dropped = f" and {self.frames:,} frames were dropped" if self.frames else ""
        return f"the recorder missed {self.seconds:,.0f} s of the hour{dropped}"


Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class Gaps:
    """The gap lines of one recorder's hour: spans without a stream, and spans with dropped frames.

    A stream without a name stands for all of them.
    """

    spans: Mapping[str, Sequence[Span]]
    dropped: Sequence[tuple[str, Span | None, int]]

    def spans_of(self, stream: str) -> list[Span]:
        """When none of a stream's connections received it."""
        return [
            span
            for name, spans in self.spans.items()
            if name == ALL_STREAMS or _stream_of(name) == stream
            for span in spans
        ]


def gaps_in(lines: Iterable[bytes], hour_at: datetime) -> Gaps:
    """The gaps that gap lines record within an hour; time outside of it does not count."""
    spans: dict[str, list[Span]] = defaultdict(list)
    dropped: list[tuple[str, Span | None, int]] = []
    for gap in _gaps(lines):
        stream, span, frames = str(gap.get("stream", ALL_STREAMS)), None, 0
        with suppress(*UNREADABLE_VALUE):
            from_at, to_at = parse_instant(gap["from_at"]), parse_instant(gap["to_at"])
            span = (max(from_at, hour_at), min(to_at, hour_at + HOUR))
            spans[stream].append(span)
        with suppress(*UNREADABLE_VALUE):
            frames = max(int(gap.get("dropped", 0)), 0)
        if frames:
            dropped.append((stream, span, frames))
    return Gaps(spans, dropped)


def gaps_of(path: Path, hour_at: datetime) -> Gaps:
    """The gaps of an hour's segment."""
    with path.open("rb") as lines:
        return gaps_in(lines, hour_at)


def spans_missed_by_all(recorders: Sequence[Gaps]) -> list[Span]:
    """When some stream of a venue's hour reached no recorder, in order; spans may overlap."""
    streams = {_stream_of(name) for one in recorders for name in one.spans}
    spans = {
        span
        for stream in streams
        for span in _common([one.spans_of(stream) for one in recorders])
        if span[0] < span[1]
    }
    return sorted(spans)


def missed_by_all(recorders: Sequence[Gaps]) -> Missed:
    """What no recorder of a venue's hour received; raises ValueError without a recorder.

    Of several streams, the one that lacks most. Another recorder that was receiving the same stream
    fills what one of them missed.
    """
    if len(recorders) == 1:
        return _missed_by_one(recorders[0])
    streams = {_stream_of(name) for one in recorders for name in one.spans} | {ALL_STREAMS}
    seconds = max(
        _united_seconds(_common([one.spans_of(stream) for one in recorders])) for stream in streams
    )
    frames = max(_dropped_by_all(one, recorders) for one in recorders)
    return Missed(seconds, frames)


def _missed_by_one(gaps: Gaps) -> Missed:
    """Each connection by itself: two that are down in turn each lose a half for a time."""
    everywhere = list(gaps.spans.get(ALL_STREAMS, ()))
    seconds = [_united_seconds(everywhere)]
    seconds += [
        _united_seconds([*everywhere, *spans])
        for stream, spans in gaps.spans.items()
        if stream != ALL_STREAMS
    ]
    return Missed(max(seconds), sum(frames for _, _, frames in gaps.dropped))


def _dropped_by_all(gaps: Gaps, recorders: Sequence[Gaps]) -> int:
    """How many of a recorder's dropped frames no other recorder can have received."""
    others = [one for one in recorders if one is not gaps]
    return sum(
        frames
        for stream, span, frames in gaps.dropped
        if span is None or all(_touches(span, one.spans_of(_stream_of(stream))) for one in others)
    )


def _stream_of(name: str) -> str:
    """The stream of a connection: which instruments its second one has differs by recorder."""
    return re.sub(r"#\d+$", "", name)


def _touches(span: Span, others: Iterable[Span]) -> bool:
    return any(from_at <= span[1] and to_at >= span[0] for from_at, to_at in others)


def _common(spans_of_each: Sequence[Sequence[Span]]) -> list[Span]:
    """The times that lie within a span of each."""
    common = list(spans_of_each[0])
    for spans in spans_of_each[1:]:
        common = [
            (max(one[0], other[0]), min(one[1], other[1])) for one in common for other in spans
        ]
        common = [one for one in common if one[0] < one[1]]
    return common


def missed(path: Path, hour_at: datetime | None = None) -> Missed:
    """What a segment lacks of its hour; of several streams the one that lacks most.

    Without `hour_at` the hour that its file is named by.
    """
    if hour_at is None:
        hour_at = datetime.strptime(path.name.split(".")[0], HOUR_NAME).replace(tzinfo=UTC)
    return missed_by_all([gaps_of(path, hour_at)])


def missed_in(lines: Iterable[bytes], hour_at: datetime) -> Missed:
    """What is missing of an hour according to gap lines: only time within the hour counts, and
    overlapping gaps count once. A gap without a stream is a gap of all streams."""
    return missed_by_all([gaps_in(lines, hour_at)])


def _united_seconds(spans: Iterable[tuple[datetime, datetime]]) -> float:
    """The total length of the spans, overlaps counted once."""
    seconds, covered_to = 0.0, None
    for from_at, to_at in sorted(spans):
        start = max(from_at, covered_to) if covered_to else from_at
        if to_at > start:
            seconds += (to_at - start).total_seconds()
            covered_to = to_at
    return seconds


def _gaps(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        if b'"event"' not in line or b'"gap"' not in line:
            continue
        envelope = _envelope(line)
        if envelope is not None and envelope.get("event") == "gap":
            yield envelope


def _envelope(line: bytes) -> dict[str, Any] | None:
    """A line's JSON object; None where it is not one, or nested deeper than any envelope."""
    try:
        envelope = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return envelope if isinstance(envelope, dict) else None
