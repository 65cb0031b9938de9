"""Of dbt's events, those for debugging are dropped; all others are as dbt has them."""

from __future__ import annotations

import pytest
from dbt_common.events import event_manager_client
from dbt_common.events.base_types import EventLevel
from dbt_common.events.event_manager import EventManager
from dbt_common.events.functions import fire_event
from dbt_common.events.types import Note, SystemExecutingCmd

from unwind.warehouse import dbt_events


@pytest.fixture
def taken():
    """The level and text of each event that a callback was given."""
    before = event_manager_client.get_event_manager()
    dbt_events.drop_debugging()
    events: list[tuple[str, str]] = []
    event_manager_client.add_callback_to_manager(
        lambda message: events.append((message.info.level, message.info.msg))
    )
    yield events
    event_manager_client.ctx_set_event_manager(before)


def test_an_event_is_taken_unless_its_level_is_debug(taken):
    # The one is for debugging, and Note for information, unless another level is asked for.
    fire_event(SystemExecutingCmd(cmd=["git"]))
    fire_event(Note(msg="noted"))
    fire_event(Note(msg="of no use"), level=EventLevel.DEBUG)
    fire_event(SystemExecutingCmd(cmd=["git"]), level=EventLevel.ERROR)
    assert [level for level, _ in taken] == ["info", "error"]
    assert taken[0] == ("info", "noted")
    # It is filled when it is read.
    assert "git" in taken[1][1]


def test_no_message_is_made_of_an_event_for_debugging(taken, monkeypatch):
    made = []
    monkeypatch.setattr(EventManager, "fire_event", lambda self, e, *others: made.append(e))
    fire_event(SystemExecutingCmd(cmd=["git"]))
    assert made == []
