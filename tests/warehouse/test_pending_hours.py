"""The hours that a refresh rebuilds for those that were touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.warehouse.hand_made import at
from unwind.settings import Home
from unwind.warehouse.pending_hours import add_hours_before, has_a_days_end
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


@pytest.mark.parametrize(
    ("pending", "spine", "expected"),
    [
        ([10], range(11), False),
        ([23], range(24), True),
        # What is built may reach any later hour, up to the end of the spine.
        ([10], range(24), True),
        ([10, 11], range(23), False),
        # The day before has ended, and nothing of it is rebuilt.
        ([24], range(25), False),
        # Rejected rows may stand under hours outside of the spine.
        ([47], range(25), True),
        ([], range(24), False),
    ],
)
def test_a_days_end_is_rebuilt_where_it_is_pending_or_follows(
    tmp_path: Path, pending: list[int], spine: range, expected: bool
) -> None:
    with staging_state(Home(tmp_path)) as state:
        for table, hours in (("pending_hours", pending), ("hours", spine)):
            state.execute(
                f"insert into ops.{table} select timestamp '2026-01-29' + to_hours(h::integer)"
                " from unnest(?::integer[]) as hours(h)",
                [list(hours)],
            )
        assert has_a_days_end(state) is expected
