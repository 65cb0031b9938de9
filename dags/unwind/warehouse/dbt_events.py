"""dbt's events, without those for debugging.

dbt makes a message of each event before it asks whether anyone takes it, hundreds for each model:
a tenth of a small build. Nothing here takes events at that level, so they are not even filled.
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
    BaseEvent.__init__ = _made  # type: ignore[method-assign]
    BaseEvent.__getattr__ = _read  # type: ignore[method-assign]


_dbts_made, _dbts_read = BaseEvent.__init__, BaseEvent.__getattr__


def _made(self: BaseEvent, *args: Any, **stated: Any) -> None:
    """Fills an event for debugging when it is read, which it seldom is."""
    if self.level_tag() == EventLevel.DEBUG:
        object.__setattr__(self, "_stated", (args, stated))
    else:
        _dbts_made(self, *args, **stated)


def _read(self: BaseEvent, key: str) -> Any:
    unread = self.__dict__.pop("_stated", None)
    if unread is not None:
        args, stated = unread
        _dbts_made(self, *args, **stated)
        return getattr(self, key)
    return _dbts_read(self, key)  # type: ignore[no-untyped-call]
