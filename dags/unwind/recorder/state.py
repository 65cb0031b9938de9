"""A recorder's own state: one small file per venue, rewritten each second."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from unwind.clock import iso, parse_instant
from unwind.settings import Home

STATE_FILE = "state.json"
# The file is written each second; a busy disk may hold it back for some.
ALIVE_WITHIN = timedelta(seconds=15)
# 2026-11-25: a venue's maintenance and our longest pause are over within minutes, or need a look.
DOWN_FOR_LONG = timedelta(seconds=180)


@dataclass(frozen=True)
class StreamState:
    """One connection of a stream: null instants for what has not been; counts since the start."""

    stream: str
    connected_at: datetime | None = None
    down_since: datetime | None = None
    last_frame_at: datetime | None = None
    frames: int = 0
    dropped: int = 0
    reconnects: int = 0
    problem: str = ""


@dataclass(frozen=True)
class RecorderState:
    """One venue's recorder at `updated_at`; `stopped_at` is set when it ended in good order.

    What came before `flushed_at` is on disk, `failed_since` is since when the disk takes nothing,
    and `closed_hour_at` is the hour of the last segment that this recorder closed in its run.
    """

    venue: str
    started_at: datetime
    updated_at: datetime
    stopped_at: datetime | None
    flushed_at: datetime | None
    closed_hour_at: datetime | None
    held_bytes: int
    failed_since: datetime | None
    problem: str
    streams: tuple[StreamState, ...]
    # The name of an additional recorder; empty for this home's own.
    recorder: str = ""

    def is_running(self, now: datetime) -> bool:
        """Whether the recorder has updated its state recently."""
        return self.stopped_at is None and now - self.updated_at < ALIVE_WITHIN

    def complaints(self, now: datetime) -> list[str]:
        """Faults that have lasted for long, in sentences; empty for a healthy recorder."""
        complaints = [
            f"{one.stream} is down since {iso(one.down_since)}: {one.problem}"
            for one in self.streams
            if one.down_since and now - one.down_since > DOWN_FOR_LONG
        ]
        if self.failed_since and now - self.failed_since > DOWN_FOR_LONG:
            complaints.append(self.problem)
        return complaints

    def as_json(self) -> dict[str, Any]:
        """Instants as ISO text."""
        fields: dict[str, Any] = json.loads(json.dumps(asdict(self), default=iso))
        return fields

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> RecorderState:
        """The inverse of `as_json`."""
        streams = tuple(StreamState(**_instants(one)) for one in fields["streams"])
        return cls(**{**_instants(fields), "streams": streams})


def write_state(folder: Path, state: RecorderState) -> None:
    """Replaces the file; not forced on disk, an older one only makes a gap seem longer."""
    beside = folder / f".{STATE_FILE}.part"
    beside.write_text(json.dumps(state.as_json(), indent=1) + "\n")
    beside.replace(folder / STATE_FILE)


def read_state(folder: Path) -> RecorderState | None:
    """The last state of a venue's recorder; None if there is no readable one."""
    try:
        return RecorderState.from_json(json.loads((folder / STATE_FILE).read_text()))
    except (OSError, ValueError, LookupError, TypeError):
        return None


def recorder_states(home: Home) -> list[RecorderState]:
    """The last state of every recorder of every venue, this home's own recorder first."""
    found = [*sorted(home.recorder.glob("*/")), *sorted(home.recorder.glob("*/*/"))]
    return [state for state in map(read_state, found) if state]


def _instants(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        name: parse_instant(value) if value and name.endswith(("_at", "_since")) else value
        for name, value in fields.items()
    }
