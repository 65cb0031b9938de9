"""A large build in slices of hours: where it is divided, and that every mart is the same."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

import duckdb
import pytest

from tests.benchmarks.made_days import FIRST_DAY, Market
from tests.warehouse.compared import beside, different
from unwind.database import row_of
from unwind.settings import Home
from unwind.warehouse import building, refresh, slices
from unwind.warehouse.slices import (
    BYTES_PER_AS_OF,
    BYTES_PER_ASSET_HOUR,
    BYTES_PER_ROW,
    Slice,
    divided,
    plan_slices,
)
from unwind.warehouse.state import naive_utc, staging_state

NEW_YEAR = naive_utc(datetime(2026, 1, 1, tzinfo=UTC))

# What reaches back by nothing, a day and weeks, ends with the next hour, and is built by days.
MARTS = (
    *("fct_liquidations", "liquidation_imbalance_hourly", "divergence_hourly", "leverage_hourly"),
    "grain_audit",
)


def hour(place: int) -> datetime:
    """The hour so many hours after the year's first."""
    return NEW_YEAR + timedelta(hours=place)


def test_hours_are_divided_by_days_and_large_days_by_hours() -> None:
    by_day = [(hour(place), 10) for place in range(72)]
    # A day has 240 bytes.
    assert [len(part) for part in divided(by_day, 720)] == [72]
    assert [len(part) for part in divided(by_day, 719)] == [48, 24]
    assert [len(part) for part in divided(by_day, 240)] == [24, 24, 24]
    assert [len(part) for part in divided(by_day, 239)] == [23, 23, 23, 3]
    # An hour that needs more than there is stands alone; days without rows are not there at all.
    assert divided([(hour(0), 5), (hour(30), 900), (hour(31), 5)], 100) == [
        *([hour(0)], [hour(30)], [hour(31)]),
    ]
    assert divided([], 100) == [[]]


def test_what_dbt_reads_of_a_slice() -> None:
    assert Slice().variables == {}
    assert Slice(None, hour(23)).variables == {"UNWIND_DBT_SLICE": "_2026-01-01T23"}
    assert Slice(hour(23), None).variables == {"UNWIND_DBT_SLICE": "2026-01-01T23_"}


def test_slices_are_of_pending_hours_and_begin_an_hour_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with staging_state(Home(tmp_path)) as state:
        state.execute(
            """
            create schema landed;
            create table landed.stg_csv__prices as
            select timestamp '2026-01-01' + number * interval 1 hour as hour_at, venue_asset
            from range(96) as hours(number), (values ('BTC'), ('BTC'), ('ETH')) as a(venue_asset);
            -- The first day is built.
            insert into ops.pending_hours
            select distinct hour_at from landed.stg_csv__prices where hour_at >= '2026-01-02';
            """
        )
        # Three rows of two assets in each of 72 hours.
        of_a_day = 24 * (3 * BYTES_PER_ROW + 2 * BYTES_PER_ASSET_HOUR)
        by_limit = [(3 * of_a_day, []), (2 * of_a_day, [72]), (of_a_day, [48, 72])]
        check_starts(state, monkeypatch, by_limit)
        # Tables of as-ofs keep 90 days, of which the fourth day is the first.
        state.execute(
            "insert into ops.hours select timestamp '2026-01-01' + number * interval 1 hour"
            " from range(24 * 93) as hours(number)"
        )
        of_as_ofs = 24 * 2 * BYTES_PER_AS_OF
        by_limit = [(3 * of_a_day + of_as_ofs, []), (3 * of_a_day + of_as_ofs - 1, [72])]
        check_starts(state, monkeypatch, by_limit)


def check_starts(
    state: duckdb.DuckDBPyConnection,
    monkeypatch: pytest.MonkeyPatch,
    by_limit: list[tuple[int, list[int]]],
) -> None:
    """Where the slices after the first one start, by the limit of memory in bytes."""
    for limit, starts in by_limit:
        monkeypatch.setattr(slices, "memory_limit", lambda limit=limit: limit)
        planned = plan_slices(state)
        assert [one.first_hour for one in planned] == [
            *(None, *(hour(start - 1) for start in starts)),
        ]
        assert [one.last_hour for one in planned] == [
            *(*(hour(start - 1) for start in starts), None),
        ]


@contextmanager
def memory_for(asset_hours: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        needed = BYTES_PER_ASSET_HOUR + BYTES_PER_AS_OF
        patch.setattr(slices, "memory_limit", lambda: asset_hours * needed)
        yield


def interrupted_after_one() -> Callable[[Slice], Mapping[str, str]]:
    """What dbt reads of the first of two slices; an interruption instead of the second."""
    variables = Slice.variables.fget

    def of_the_first(one: Slice) -> Mapping[str, str]:
        if one.last_hour is None:
            raise KeyboardInterrupt
        return variables(one)

    return of_the_first


def test_slices_build_what_is_built_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three of four days, and then the third one, which comes late, after an interruption."""
    at_once, by_slices, late = (Home(tmp_path / name) for name in ("at_once", "by_slices", "late"))
    planned: list[int] = []

    def counted(state: duckdb.DuckDBPyConnection) -> tuple[Slice, ...]:
        found = plan_slices(state)
        planned.append(len(found))
        return found

    monkeypatch.setattr(building, "plan_slices", counted)
    market = Market(3)
    for day, home in enumerate((by_slices, by_slices, late, by_slices)):
        market.land_day(home, FIRST_DAY + timedelta(days=day))
    for home in (by_slices, late):
        shutil.copytree(home.root, at_once.root, dirs_exist_ok=True)
    refresh.refresh(at_once)
    with memory_for(180, monkeypatch):
        refresh.refresh(by_slices)
    shutil.copytree(late.root, by_slices.root, dirs_exist_ok=True)
    of_a_slice = mock.patch.object(Slice, "variables", property(interrupted_after_one()))
    with memory_for(45, monkeypatch), of_a_slice, pytest.raises(KeyboardInterrupt):
        refresh.refresh(by_slices)
    # At once, on the tables and views that the first slice has left.
    refresh.refresh(by_slices)
    assert planned == [1, 2, 2, 1]
    compared, found = different(at_once, by_slices)
    assert found == {}
    assert compared > 200
    with beside(at_once, by_slices) as connection:
        for table in MARTS:
            assert row_of(connection, f"select count(*) from other.marts.{table}")[0] > 0, table
