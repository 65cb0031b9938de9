"""The hours that a refresh rebuilds for those that were touched."""

from __future__ import annotations

from pathlib import Path

from tests.warehouse.hand_made import at
from unwind.settings import Home
from unwind.warehouse.pending_hours import add_hours_before
from unwind.warehouse.state import naive_utc, staging_state


def test_an_hours_first_minutes_touch_the_hour_before(tmp_path: Path) -> None:
    with staging_state(Home(tmp_path)) as state:
        touched = [at(10), at(11), at(14)]
        state.execute(
            "insert into ops.pending_hours select unnest(?::timestamp[])",
            [[naive_utc(hour) for hour in touched]],
        )
        add_hours_before(state)
        rows = state.execute("select hour_at from ops.pending_hours order by all").fetchall()
    # 10:00 adds 09:00, and 14:00 adds 13:00; 10:00, before 11:00, is there only once.
    assert rows == [(naive_utc(at(hour)),) for hour in (9, 10, 11, 13, 14)]
