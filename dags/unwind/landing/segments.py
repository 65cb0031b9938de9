"""Recorder segments: one file of envelope lines a venue and hour of receipt.

`<hour>.ndjson.open` is being written, `<hour>.ndjson` is closed and never changes again. What was
missed stands in its `gap` lines: `from_at` and `to_at` bound the time, `dropped` counts frames. A
segment without a line is an hour in which the venue said nothing and the recorder listened.
"""

from __future__ import annotations

import json
import os
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from unwind.clock import HOUR, iso, parse_instant
from unwind.durable import sync, whole_file

HOUR_NAME = "%Y-%m-%dT%H"
CLOSED, OPEN = ".ndjson", ".ndjson.open"
# 2026-11-22: a lost connection stands again within 1 to 5 s; below this an hour counts as whole.
WHOLE_WITHIN_SECONDS = 60.0
# Read at a time from the end of a segment; a line has some 300 bytes.
TAIL_BYTES = 64 * 1024
# Stands for the stream of a gap that names none.
ALL_STREAMS = ""


def hour_of(instant: datetime) -> datetime:
    """The start of an instant's UTC hour."""
    return instant.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def closed_path(folder: Path, hour_at: datetime) -> Path:
    """Where a venue's closed segment of an hour lies."""
    return folder / f"{hour_at:{HOUR_NAME}}{CLOSED}"


def open_path(folder: Path, hour_at: datetime) -> Path:
    """Where it lies while it is written."""
    return folder / f"{hour_at:{HOUR_NAME}}{OPEN}"


def frame_line(received_at: datetime, text: str) -> bytes:
    """The envelope line of one frame. ASCII only, so that no character of it ends a line."""
    stamp = received_at.isoformat(timespec="microseconds")[:26]
    return f'{{"received_at":"{stamp}Z","frame":{json.dumps(text)}}}\n'.encode("ascii")


def event_line(at: datetime, event: str, details: Mapping[str, Any]) -> bytes:
    """The envelope line of a connection's start, end or gap; instants in `details` as text."""
    told = {key: iso(one) if isinstance(one, datetime) else one for key, one in details.items()}
    return (
        json.dumps({"received_at": iso(at), "event": event, **told}, separators=(",", ":")).encode(
            "ascii"
        )
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
        # The clock was set back over the hour: what came then follows, and nothing is lost.
        with whole_file(target) as beside, beside.open("wb") as both:
            for part in (target, path):
                with part.open("rb") as lines:
                    shutil.copyfileobj(lines, both)
        path.unlink()
    else:
        path.rename(target)
    sync(folder)


def continue_open(folder: Path, now: datetime, flushed_at: datetime | None) -> datetime | None:
    """Takes up what a former recorder left open: past hours are closed, this hour goes on.

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
        return torn, parse_instant(json.loads(last)["received_at"])
    except (ValueError, LookupError, TypeError):
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
    """What a segment says it lacks: seconds without a connection, and frames that were dropped."""

    seconds: float = 0.0
    frames: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether the segment tells, for all that matters, what the venue sent in its hour."""
        return self.seconds <= WHOLE_WITHIN_SECONDS and not self.frames

    def __str__(self) -> str:
        dropped = f" and {self.frames:,} frames were dropped" if self.frames else ""
        return f"the recorder missed {self.seconds:,.0f} s of the hour{dropped}"


def missed(path: Path, hour_at: datetime | None = None) -> Missed:
    """What a segment lacks of its hour; of several streams the one that lacks most.

    Without `hour_at` the hour that its file is named by.
    """
    if hour_at is None:
        hour_at = datetime.strptime(path.name.split(".")[0], HOUR_NAME).replace(tzinfo=UTC)
    with path.open("rb") as lines:
        return missed_in(lines, hour_at)


def missed_in(lines: Iterable[bytes], hour_at: datetime) -> Missed:
    """What gap lines say that is missing of an hour: time outside of it does not count, and
    overlapping gaps count once. A gap without a stream is one of all of them."""
    spans: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    frames = 0
    for gap in _gaps(lines):
        with suppress(ValueError, TypeError):
            frames += int(gap.get("dropped", 0))
        with suppress(LookupError, ValueError, TypeError, AttributeError):
            from_at, to_at = parse_instant(gap["from_at"]), parse_instant(gap["to_at"])
            span = (max(from_at, hour_at), min(to_at, hour_at + HOUR))
            spans[str(gap.get("stream", ALL_STREAMS))].append(span)
    everywhere = spans.pop(ALL_STREAMS, [])
    seconds = [_united_seconds(everywhere)]
    seconds += [_united_seconds([*everywhere, *of_stream]) for of_stream in spans.values()]
    return Missed(max(seconds), frames)


def _united_seconds(spans: Iterable[tuple[datetime, datetime]]) -> float:
    """How long the spans last together, where they overlap counted once."""
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
        try:
            envelope = json.loads(line)
        except ValueError:
            continue
        if isinstance(envelope, dict) and envelope.get("event") == "gap":
            yield envelope
