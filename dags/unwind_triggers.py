"""Event triggers: what the triggerer watches for the DAGs. Airflow imports this module by name, so
this folder is on the triggerer's PYTHONPATH (`unwind up` and docker-compose see to it)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

POLL_SECONDS = 2.0


class ClosedSegmentsTrigger(BaseEventTrigger):
    """Fires when a recorder has closed segments, at a recorder's start (which may close some), and
    once at its own.

    An event is only an alarm: it may be lost or come twice. What there is to land, the ledger says.
    """

    def __init__(self, poll_seconds: float = POLL_SECONDS) -> None:
        super().__init__()
        self.poll_seconds = poll_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Where the triggerer finds this class, and what it is made with."""
        return "unwind_triggers.ClosedSegmentsTrigger", {"poll_seconds": self.poll_seconds}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """One event for all that was closed between two looks."""
        known: dict[str, list[str]] | None = None
        while True:
            closed = await asyncio.to_thread(last_closed)
            if closed != known:
                yield TriggerEvent({"last_closed": closed})
            known = closed
            await asyncio.sleep(self.poll_seconds)


def last_closed() -> dict[str, list[str]]:
    """For each recorder of a venue, its start and the last hour that it closed."""
    from unwind.clock import iso
    from unwind.recorder.state import recorder_states
    from unwind.settings import Home

    return {
        f"{state.recorder}/{state.venue}": [
            iso(at) for at in (state.started_at, state.closed_hour_at) if at
        ]
        for state in recorder_states(Home.from_env())
    }
