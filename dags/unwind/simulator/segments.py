"""Segments as a recorder would have written them.

Envelope lines of the venues' streams, by hour of receipt.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from unwind.clock import HOUR
from unwind.simulator.exchanges import exchanges
from unwind.simulator.market.steady import HOUR_MS, epoch_ms, steady
from unwind.simulator.market.tape import Tape
from unwind.simulator.responses import json_text

RECORDED = tuple(name for name, venue in exchanges().items() if venue.streams)
EPOCH = datetime.fromisoformat("1970-01-01")
NETWORK_MICROSECONDS = (5_000, 80_000)


@dataclass(frozen=True)
class Outage:
    """A span of whole minutes in which a recorder received nothing of a venue."""

    venue: str
    from_at: datetime
    to_at: datetime

    def covers(self, venue: str, hour: datetime) -> bool:
        """Whether nothing at all of the venue's hour was received."""
        return self.venue == venue and self.from_at <= hour and hour + HOUR <= self.to_at

    def touches(self, venue: str, hour: datetime) -> bool:
        """Whether some of the venue's hour was not received."""
        return self.venue == venue and self.from_at < hour + HOUR and hour < self.to_at

    def hides(self, at_us: int) -> bool:
        """Whether a frame of these epoch microseconds was lost."""
        return epoch_ms(self.from_at) <= at_us / 1000 < epoch_ms(self.to_at)

    def line(self, hour: datetime) -> tuple[int, str]:
        """The recorder's gap line, with the time at which it was written, in epoch microseconds."""
        from_at, to_at = max(self.from_at, hour), min(self.to_at, hour + HOUR)
        written_us = epoch_ms(to_at) * 1000 - (to_at == hour + HOUR)
        details = {
            "received_at": _stamp(written_us),
            "event": "gap",
            "reason": "the connection was lost",
            "from_at": _stamp(epoch_ms(from_at) * 1000),
            "to_at": _stamp(epoch_ms(to_at) * 1000),
        }
        return written_us, json_text(details)


def _stamp(at_us: int) -> str:
    at = EPOCH + timedelta(microseconds=at_us)
    return f"{at.isoformat(timespec='microseconds')}Z"


def received_frames(tape: Tape, venue: str, from_ms: int, to_ms: int) -> list[tuple[int, str]]:
    """The venue's frames received in [from, to), in order of receipt.

    Each is (receipt in epoch microseconds, text). A frame arrives 5 to 80 ms after its push; frames
    of one stream keep their order.
    """
    low, high = NETWORK_MICROSECONDS
    received = []
    latest = 0
    for pushed_ms, text in exchanges()[venue].received(tape, from_ms - high // 1000, to_ms):
        delay = low + int((high - low) * steady("network", venue, pushed_ms, text[-60:]))
        latest = max(latest, pushed_ms * 1000 + delay)
        if from_ms * 1000 <= latest < to_ms * 1000:
            received.append((latest, text))
    return received


def segments(tape: Tape, venue: str, hour: datetime, outages: Sequence[Outage] = ()) -> list[str]:
    """Envelope lines of one venue's hour of receipt; empty for a venue without a stream."""
    if venue not in RECORDED:
        return []
    start = epoch_ms(hour)
    lines = []
    if start <= tape.start_ms < start + HOUR_MS:
        lines.append(json_text({"received_at": _stamp(tape.start_ms * 1000), "event": "connected"}))
    gaps = [outage for outage in outages if outage.touches(venue, hour)]
    received = [
        (at_us, json_text({"received_at": _stamp(at_us), "frame": text}))
        for at_us, text in received_frames(tape, venue, start, start + HOUR_MS)
        if not any(gap.hides(at_us) for gap in gaps)
    ]
    # In order of receipt; a gap is written when it is over.
    received = sorted(received + [gap.line(hour) for gap in gaps], key=lambda line: line[0])
    return lines + [text for _, text in received]


def _hours(from_hour: datetime, to_hour: datetime) -> Iterator[datetime]:
    hour = from_hour
    while hour < to_hour:
        yield hour
        hour += timedelta(hours=1)


def write_segments(
    tape: Tape,
    recorder_dir: Path,
    from_hour: datetime,
    to_hour: datetime,
    venues: Sequence[str] = RECORDED,
    outages: Sequence[Outage] = (),
) -> list[Path]:
    """Write closed segments for the hours in [from, to): `<venue>/<YYYY-MM-DDTHH>.ndjson`.

    An hour without a frame gets an empty file (the recorder was up), one that is wholly within an
    outage none. Returns the files written.
    """
    written = []
    for venue in venues:
        folder = recorder_dir / venue
        folder.mkdir(parents=True, exist_ok=True)
        for hour in _hours(from_hour, to_hour):
            if any(outage.covers(venue, hour) for outage in outages):
                continue
            path = folder / f"{hour:%Y-%m-%dT%H}.ndjson"
            beside = path.with_suffix(".ndjson.part")
            beside.write_text(
                "".join(f"{line}\n" for line in segments(tape, venue, hour, outages)),
                encoding="utf-8",
            )
            beside.replace(path)
            written.append(path)
    return written
