"""The record of what was notified: one file in the home, written whole or not at all."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from unwind.durable import write_json
from unwind.errors import UnwindError
from unwind.watch.changes import Change


class StateError(UnwindError, ValueError):
    """The record cannot be read; the text says what to do."""


@dataclass
class Delivery:
    """A change, and the channels that have not yet taken it."""

    change: Change
    waiting_for: list[str]


@dataclass
class State:
    """What was last notified: the newest release and hour seen, the last value of everything
    watched (`kind/subject`), and what is still to be delivered. `release_id` is empty at first."""

    release_id: str = ""
    last_hour_at: datetime | None = None
    known: dict[str, str] = field(default_factory=dict)
    outbox: list[Delivery] = field(default_factory=list)


def load(path: Path) -> State:
    """The record in a file; a new one where there is none. Raises StateError."""
    try:
        stated = json.loads(path.read_text())
        last_hour_at = stated["last_hour_at"]
        return State(
            stated["release_id"],
            datetime.fromisoformat(last_hour_at) if last_hour_at else None,
            dict(stated["known"]),
            [
                Delivery(Change(**one["change"]), list(one["waiting_for"]))
                for one in stated["outbox"]
            ],
        )
    except FileNotFoundError:
        return State()
    except (ValueError, KeyError, TypeError) as error:
        raise StateError(
            f"{path}, the record of what was notified, cannot be read ({error}); remove it: the"
            " next watch begins with the newest release, and notifies what changes from then on"
        ) from None


def save(path: Path, state: State) -> None:
    """Writes the record, whole or not at all."""
    last = state.last_hour_at
    write_json(
        path,
        {
            "release_id": state.release_id,
            "last_hour_at": last.isoformat() if last else None,
            "known": state.known,
            "outbox": [asdict(one) for one in state.outbox],
        },
    )
