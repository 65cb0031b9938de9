"""dbt's events, without those for debugging.

dbt makes a message of each event before it asks whether anyone takes it, hundreds for each model:
a tenth of a small build. Nothing here takes events at that level.
"""

from __future__ import annotations

from typing import Any

from dbt_common.events.base_types import BaseEvent, EventLevel
from dbt_common.events.event_manager import EventManager
from dbt_common.events.event_manager_client import ctx_set_event_manager


class EventsOfUse(EventManager):
    """Drops an event for debugging before it becomes a message."""

    def fire_event(
        self,
        e: BaseEvent,
        level: EventLevel | None = None,
        node: Any = None,
        force_warn_or_error_handling: bool = False,
    ) -> None:
        """As dbt's, for all other levels."""
        if (level or e.level_tag()) != EventLevel.DEBUG:
            super().fire_event(e, level, node, force_warn_or_error_handling)


def drop_debugging() -> None:
    """For the rest of this process and its forks."""
    ctx_set_event_manager(EventsOfUse())
