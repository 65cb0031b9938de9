"""The hours that a refresh rebuilds for those that were touched."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.warehouse.hand_made import at
from unwind.settings import Home
from unwind.warehouse.pending_hours import add_after_staging, add_hours_before, has_a_days_end
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


def stage_one_row(state: duckdb.DuckDBPyConnection, batch_id: str, hour_at: str) -> None:
    state.execute("create schema intermediate")
    state.execute(
        f"create table intermediate.int_liquidations_unioned as select '{batch_id}' as batch_id,"
        f" timestamp '{hour_at}' as hour_at, 'row' as line_class, null::varchar as reject_reason"
    )


def test_the_spine_ends_with_what_is_staged_and_hours_that_left_it_are_pending(
    tmp_path: Path,
) -> None:
    with staging_state(Home(tmp_path)) as state:
        # An import had rows until 15:00, and is withdrawn; the spine was 09:00 to 15:00.
        state.execute(
            """
            insert into ops.batches values
                ('hour-10', 1, 'hour', '2026-01-29 11:01', '2026-01-29 10:00', '2026-01-29 11:00'),
                ('import-1', 1, 'import', '2026-01-29 16:00', null, null);
            insert into ops.build_batches values ('import-1', 1);
            insert into ops.landed_days values
                ('hour-10', '2026-01-29', '2026-01-29 10:00'),
                ('import-1', '2026-01-29', '2026-01-29 15:00');
            """
        )
        stage_one_row(state, "hour-10", "2026-01-29 12:00")
        state.execute(
            "insert into ops.hours select unnest(?::timestamp[])",
            [[naive_utc(at(hour)) for hour in range(9, 16)]],
        )
        add_after_staging(state)
        spine = state.execute("from ops.hours order by all").fetchall()
        pending = state.execute("from ops.pending_hours order by all").fetchall()
        landed = state.execute("from ops.landed_days order by all").fetchall()
    # 10:00 is covered, and 12:00 is of an event that a page of that hour brought.
    assert spine == [(naive_utc(at(hour)),) for hour in (10, 11, 12)]
    # 09:00 and 13:00 to 15:00 left; of each stretch, the hour before is rebuilt as well.
    assert pending == [(naive_utc(at(hour)),) for hour in (8, 9, 12, 13, 14, 15)]
    assert [(batch, last) for batch, _, last in landed] == [
        ("hour-10", naive_utc(at(10))),
        ("import-1", None),
    ]


def test_hours_that_as_of_tables_keep_again_are_pending(tmp_path: Path) -> None:
    """The newest ninety days of hours: four that go at the end bring four at the beginning back."""
    with staging_state(Home(tmp_path)) as state:
        state.execute(
            """
            insert into ops.batches values
                ('backfill', 1, 'day', '2026-01-29 11:01', '2026-01-29', '2026-05-09'),
                ('import-1', 1, 'import', '2026-05-10', null, null);
            insert into ops.build_batches values ('import-1', 1);
            insert into ops.hours
            select unnest(range(timestamp '2026-01-29', timestamp '2026-05-09 04:00',
                interval 1 hour));
            """
        )
        stage_one_row(state, "import-1", "2026-01-29 00:00")
        add_after_staging(state)
        pending = state.execute("from ops.pending_hours order by all").fetchall()
    # A hundred days: from the eleventh day on, of which 00:00 to 03:00 had been left behind.
    assert pending == [(naive_utc(at(hour)),) for hour in (*range(240, 244), *range(2399, 2404))]
