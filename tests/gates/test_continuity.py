"""A release keeps the rows of the previous one, except those that its build replaced."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from shutil import copyfile, rmtree

import duckdb
import pytest

from unwind.settings import Home
from unwind.warehouse import contents, continuity, gates
from unwind.warehouse.state import OPS_TABLES

BUILT_AT = datetime(2026, 1, 29, 15, 5, tzinfo=UTC)
NEWEST = "timestamp '2026-01-29 14:00:00'"
RELEASE = "20260129T140500Z-00"

# Three days of two assets; the current build replaces hour 14 of the last day.
STAGING = f"""
{OPS_TABLES}
insert into ops.hours
select unnest(range(timestamp '2026-01-27', timestamp '2026-01-29 15:00:00', interval 1 hour));
insert into ops.pending_hours values ({NEWEST});
insert into ops.batches values
    ('day-27', 1, 'day', '2026-01-28', '2026-01-27', '2026-01-28'),
    ('import-1', 1, 'import', '2026-01-28', null, null),
    ('hour-14', 1, 'hour', '2026-01-29 15:01:00', '2026-01-29 14:00:00', '2026-01-29 15:00:00');
insert into ops.build_batches values ('hour-14', 1);
insert into ops.built_batches values ('day-27', 1, '{RELEASE}', 0);
insert into ops.gate_results (run_id) values ('run-1');
"""
WAREHOUSE = f"""
create schema marts;
create table marts.liquidations_hourly as
select
    unnest(range(timestamp '2026-01-27', timestamp '2026-01-29 15:00:00', interval 1 hour))
        as hour_at,
    asset as base_asset, 100::decimal(38, 4) as total_usd,
from (values ('BTC'), ('ETH')) as assets(asset);
create table marts.dim_hours as select distinct hour_at from marts.liquidations_hourly;
create table marts.exchange_breakdown as
select hour_at, 'ALL' as base_asset, 5.5::double as share from marts.dim_hours;
create table marts.landing_outcomes as
select 'day-27' as batch_id, 1 as revision, timestamp '2026-01-28' as sealed_at
union all
select 'import-1', 1, timestamp '2026-01-28';
create table marts.fct_liquidations as
select timestamp '2026-01-29 09:00:00' as hour_at, 'import-1' as batch_id;
create table marts.gate_results as
select 'run-1' as run_id, 'passed' as message, timestamp '2026-01-28 01:00:00' as checked_at;
create table marts.release as select '{RELEASE}' as release_id;
"""
Run = Callable[[str], None]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.warehouse_dir.mkdir(parents=True)
    with duckdb.connect(str(home.staging_db)) as staging:
        staging.execute(STAGING)
    with duckdb.connect(str(home.warehouse_db)) as warehouse:
        warehouse.execute(WAREHOUSE)
    released(home, RELEASE)
    return home


def released(home: Home, release_id: str) -> Path:
    folder = home.releases / release_id
    folder.mkdir(parents=True)
    copyfile(home.warehouse_db, folder / "warehouse.duckdb")
    continuity.publish(home, "run-1", folder)
    return folder


@pytest.fixture
def in_warehouse(home: Home) -> Run:
    def run(sql: str) -> None:
        with duckdb.connect(str(home.warehouse_db)) as warehouse:
            warehouse.execute(sql)

    return run


@pytest.fixture
def in_staging(home: Home) -> Run:
    def run(sql: str) -> None:
        with duckdb.connect(str(home.staging_db)) as staging:
            staging.execute(sql)

    return run


def lost(home: Home, built_at: datetime = BUILT_AT) -> set[str]:
    return {one.sentence for one in continuity.compare(home, built_at).lost}


def test_unchanged_rows_are_not_lost(home: Home) -> None:
    compared = continuity.compare(home, BUILT_AT)
    assert (compared.release_id, compared.lost, compared.shrunk) == (RELEASE, (), ())
    assert compared.found["liquidations_hourly", date(2026, 1, 27)].count == 48
    assert all(rows.content for rows in compared.found.values())


def test_an_hour_that_the_build_replaced_may_change(home: Home, in_warehouse: Run) -> None:
    in_warehouse(
        f"delete from marts.liquidations_hourly where hour_at = {NEWEST} and base_asset = 'ETH';"
        f"update marts.liquidations_hourly set total_usd = 7 where hour_at = {NEWEST}"
    )
    compared = continuity.compare(home, BUILT_AT)
    assert compared.lost == ()
    # Reported nevertheless, because faults look the same as corrections.
    assert [one.sentence for one in compared.shrunk] == [
        "marts.liquidations_hourly of 2026-01-29 has 29 rows where 30 were recorded"
    ]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            "delete from marts.liquidations_hourly where hour_at = '2026-01-27 05:00:00'",
            "marts.liquidations_hourly of 2026-01-27 has 46 rows where 48 were recorded",
        ),
        (
            "insert into marts.liquidations_hourly from marts.liquidations_hourly"
            " where hour_at < '2026-01-28'",
            "marts.liquidations_hourly of 2026-01-27 has 96 rows where 48 were recorded",
        ),
        (
            "insert into marts.liquidations_hourly values ('2026-01-20', 'BTC', 1)",
            "marts.liquidations_hourly of 2026-01-20 has 1 rows where 0 were recorded",
        ),
        (
            "update marts.liquidations_hourly set total_usd = 7"
            " where hour_at = '2026-01-29 13:00:00'",
            "marts.liquidations_hourly of 2026-01-29 has 28 rows as recorded, and not the same"
            " ones",
        ),
        (
            "delete from marts.landing_outcomes",
            "marts.landing_outcomes of 2026-01-28 has 0 rows where 2 were recorded",
        ),
        (
            "update marts.gate_results set message = 'failed'",
            "marts.gate_results of 2026-01-28 has 1 rows as recorded, and not the same ones",
        ),
    ],
)
def test_a_change_outside_the_build_is_reported_as_lost(
    change: str, sentence: str, home: Home, in_warehouse: Run
) -> None:
    in_warehouse(change)
    assert lost(home) == {sentence}


def test_an_emptied_warehouse_is_not_taken_for_a_build(home: Home) -> None:
    home.warehouse_db.unlink()
    with duckdb.connect(str(home.warehouse_db)) as warehouse:
        # The result of building one hour into an empty file.
        warehouse.execute(WAREHOUSE)
        warehouse.execute(f"delete from marts.liquidations_hourly where hour_at != {NEWEST}")
    results = gates._check_continuity(home, "run-2", BUILT_AT)
    (stopped,) = gates.run_failures(results)
    assert (stopped.suite, stopped.expectation) == ("continuity", "nothing_lost")
    assert "marts.liquidations_hourly of 2026-01-27 has 0 rows where 48 were" in stopped.message
    assert "`unwind refresh --full` builds all of it from raw." in stopped.message


@pytest.mark.parametrize("between", [timedelta(hours=1), timedelta(days=1)])
def test_a_changed_day_is_found_by_its_count_at_once_and_by_its_hash_in_turn(
    between: timedelta, home: Home, in_warehouse: Run
) -> None:
    in_warehouse("update marts.liquidations_hourly set total_usd = 7 where hour_at < '2026-01-28'")
    turns = [lost(home, BUILT_AT + turn * between) for turn in range(31)]
    assert [turn for turn in turns if turn] == [
        {"marts.liquidations_hourly of 2026-01-27 has 48 rows as recorded, and not the same ones"}
    ]


def test_rows_that_moved_to_another_day_are_found_in_turn(home: Home, in_warehouse: Run) -> None:
    in_warehouse(
        "update marts.liquidations_hourly set hour_at = hour_at - interval 7 day"
        " where hour_at < '2026-01-28'"
    )
    turns = [lost(home, BUILT_AT + timedelta(hours=turn)) for turn in range(31)]
    assert [turn for turn in turns if turn] == [
        {"marts.liquidations_hourly of 2026-01-27 has 0 rows where 48 were recorded"}
    ]


def test_as_of_hours_beyond_the_kept_days_may_go(
    home: Home, in_warehouse: Run, in_staging: Run
) -> None:
    in_staging("insert into ops.empty_days values ('2026-01-27')")
    in_warehouse("delete from marts.exchange_breakdown where hour_at < '2026-01-28'")
    compared = continuity.compare(home, BUILT_AT)
    assert (compared.lost, compared.shrunk) == ((), ())


def test_a_withdrawn_batch_takes_its_rows_and_hours_with_it(
    home: Home, in_warehouse: Run, in_staging: Run
) -> None:
    in_staging(
        "delete from ops.batches where batch_id = 'day-27';"
        "delete from ops.hours where hour_at < '2026-01-28'"
    )
    in_warehouse(
        "delete from marts.landing_outcomes where batch_id = 'day-27';"
        "delete from marts.liquidations_hourly where hour_at < '2026-01-28';"
        "delete from marts.exchange_breakdown where hour_at < '2026-01-28';"
        "delete from marts.dim_hours where hour_at < '2026-01-28'"
    )
    compared = continuity.compare(home, BUILT_AT)
    assert compared.lost == ()
    assert "liquidations_hourly" in {one.mart for one in compared.shrunk}


# A full build of a spine that ends with 08:00 on the last day. Of the six hours that are gone,
# 09:00 had an event of import-1, and the others had none.
SHORTER = """
    delete from ops.hours where hour_at > '2026-01-29 08:00:00';
    delete from ops.batches where batch_id = 'hour-14';
    delete from ops.pending_hours;
    insert into ops.pending_hours from ops.hours;
    insert into ops.build_batches from (select batch_id, revision from ops.batches);
"""
SHORTER_MARTS = "".join(
    f"delete from marts.{mart} where hour_at > '2026-01-29 08:00:00';"
    for mart in ("liquidations_hourly", "exchange_breakdown", "dim_hours", "fct_liquidations")
)


@pytest.mark.parametrize(
    "change",
    [
        "insert into ops.left_out values ('import-1', 'binance', 'withdrawn', 'a wrong file')",
        # Read again with other options, it is of other hours.
        "update ops.batches set revision = 2 where batch_id = 'import-1'",
        "delete from ops.batches where batch_id = 'import-1'",
    ],
)
def test_a_full_build_has_no_hours_of_an_import_that_is_withdrawn_or_read_otherwise(
    change: str, home: Home, in_warehouse: Run, in_staging: Run
) -> None:
    in_staging(SHORTER + change)
    in_warehouse(SHORTER_MARTS)
    compared = continuity.compare(home, BUILT_AT)
    assert compared.lost == ()
    # 09:00 to 14:00 of two assets.
    assert [one.sentence for one in compared.shrunk if one.mart == "liquidations_hourly"] == [
        "marts.liquidations_hourly of 2026-01-29 has 18 rows where 30 were recorded"
    ]


def test_hours_that_leave_the_spine_without_their_batch_are_lost(
    home: Home, in_warehouse: Run, in_staging: Run
) -> None:
    # Another import's withdrawal explains nothing of 09:00, which import-1 had an event of.
    in_staging(SHORTER + "insert into ops.left_out values ('import-2', 'okx', 'withdrawn', '')")
    in_warehouse(SHORTER_MARTS)
    assert lost(home) == {
        "marts.liquidations_hourly of 2026-01-29 has 0 rows where 2 were recorded",
        "marts.fct_liquidations of 2026-01-29 has 0 rows where 1 were recorded",
    }


def test_hours_that_leave_the_spine_while_a_batch_covers_them_are_lost(
    home: Home, in_warehouse: Run, in_staging: Run
) -> None:
    in_staging("delete from ops.hours where hour_at < '2026-01-28'")
    in_warehouse("delete from marts.liquidations_hourly where hour_at < '2026-01-28'")
    assert lost(home) == {
        "marts.liquidations_hourly of 2026-01-27 has 0 rows where 48 were recorded"
    }


def test_a_run_that_never_became_a_release_leaves_verdicts_behind(
    home: Home, in_warehouse: Run
) -> None:
    in_warehouse(
        "insert into marts.gate_results values ('run-2', 'passed', '2026-01-29 14:10:00');"
        "update marts.release set release_id = '20260129T141000Z-00'"
    )
    assert lost(home) == set()


def test_verdicts_of_a_recreated_state_may_go(
    home: Home, in_staging: Run, in_warehouse: Run
) -> None:
    in_warehouse("delete from marts.gate_results")
    assert lost(home) == {"marts.gate_results of 2026-01-28 has 0 rows where 1 were recorded"}
    in_staging("delete from ops.gate_results")
    compared = continuity.compare(home, BUILT_AT)
    assert (compared.lost, compared.shrunk) == ((), ())


def test_without_a_release_there_is_nothing_to_compare_with(home: Home) -> None:
    rmtree(home.releases)
    compared = continuity.compare(home, BUILT_AT)
    assert (compared.release_id, compared.lost) == (None, ())
    assert all(rows.content for rows in compared.found.values())


def test_a_release_older_than_the_warehouse_is_not_compared_with(
    home: Home, in_staging: Run, in_warehouse: Run
) -> None:
    in_staging("insert into ops.built_batches values ('hour-13', 1, '20260129T145000Z-00', 0)")
    in_warehouse("insert into marts.liquidations_hourly values ('2026-01-28', 'SOL', 1)")
    assert continuity.compare(home, BUILT_AT).release_id is None


def test_the_order_of_rows_does_not_matter_and_equal_rows_do_not_cancel_out(
    home: Home, in_warehouse: Run
) -> None:
    folder = home.releases / RELEASE
    assert continuity.verify_release(folder) == []
    in_warehouse(
        "create or replace table marts.liquidations_hourly as"
        " from marts.liquidations_hourly order by base_asset desc, hour_at desc"
    )
    (folder / "warehouse.duckdb").unlink()
    copyfile(home.warehouse_db, folder / "warehouse.duckdb")
    assert continuity.verify_release(folder) == []
    in_warehouse(
        "create or replace table marts.liquidations_hourly as from marts.liquidations_hourly"
        " union all from marts.liquidations_hourly union all from marts.liquidations_hourly"
    )
    copyfile(home.warehouse_db, folder / "warehouse.duckdb")
    assert {(one.mart, one.expected, one.found) for one in continuity.verify_release(folder)} == {
        ("liquidations_hourly", 48, 144),
        ("liquidations_hourly", 30, 90),
    }


def test_a_release_of_an_older_version_recorded_nothing(home: Home) -> None:
    (home.releases / RELEASE / contents.CONTENTS_FILE).unlink()
    assert continuity.verify_release(home.releases / RELEASE) == []
    assert continuity.compare(home, BUILT_AT).release_id is None


def test_contents_found_by_a_gate_are_kept_with_the_release_and_not_recomputed(home: Home) -> None:
    found = continuity.compare(home, BUILT_AT).found
    one = ("liquidations_hourly", date(2026, 1, 27))
    continuity.keep(home, {**found, one: contents.Rows(48, "kept")}, "run-2")
    folder = home.releases / "20260129T150500Z-00"
    folder.mkdir()
    continuity.publish(home, "run-2", folder)
    kept = contents.read(folder)
    assert kept[one].content == "kept"
    assert kept["gate_results", date(2026, 1, 28)].count == 1
    assert list(home.warehouse_dir.glob("contents.*")) == []


def test_a_broken_release_is_reported_and_does_not_block_the_next_one(home: Home) -> None:
    (home.releases / RELEASE / "warehouse.duckdb").write_bytes(b"not a database" * 1000)
    results = gates._check_continuity(home, "run-2", BUILT_AT)
    assert gates.run_failures(results) == []
    (warning,) = [one for one in results if not one.success]
    assert warning.expectation == "release_readable"
    assert f"release {RELEASE} cannot be read" in warning.message
    assert contents.read_file(home.warehouse_dir / "contents.run-2.parquet")


def test_an_impossible_comparison_is_reported_in_words(home: Home) -> None:
    home.warehouse_db.write_bytes(b"not a database" * 1000)
    with pytest.raises(gates.GateError, match=r"cannot compare .*warehouse\.duckdb.*refresh again"):
        gates._check_continuity(home, "run-2", BUILT_AT)
