"""A build in units: what is divided, what each unit may use, and that its rows are the same."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from tests.warehouse.compared import beside, different
from tests.warehouse.dividing import divided_on_four_processors
from tests.warehouse.hand_made import at
from unwind.database import connect
from unwind.progress import no_progress
from unwind.settings import Home
from unwind.warehouse import building, files, refresh, staging_units, unit_work, units, workers
from unwind.warehouse.dbt import DBT_PROJECT, Command, dbt_environment
from unwind.warehouse.divided import (
    divided_models,
    models_above,
    staged_models,
    steps_of_a_unit,
)
from unwind.warehouse.models import model_files, parents
from unwind.warehouse.staging_units import StagingUnit
from unwind.warehouse.state import staging_state

MIN_ROWS, MIN_LINES = units.MIN_ROWS, staging_units.MIN_LINES


@pytest.fixture(scope="module", autouse=True)
def everything_is_worth_dividing() -> Iterator[None]:
    with divided_on_four_processors():
        yield


def test_facts_are_divided_and_windows_are_not() -> None:
    assert {"fct_liquidations", "fct_open_interest", "liquidations_hourly"} <= divided_models()
    assert {"leverage_hourly", "stress_hourly", "grain_audit", "release"} <= models_above()
    assert "int_partly_published_liquidations" in steps_of_a_unit()
    # A view that only divided models read, of tables that only these and the view read.
    assert {"int_liquidations_screened", "int_liquidations_valued"} <= steps_of_a_unit()
    # A view of staged rows reads none of them.
    assert "int_prices_unioned" not in steps_of_a_unit()
    # The venues are a table of every release.
    assert not {"dim_venues"} & (divided_models() | models_above() | steps_of_a_unit())


def test_what_the_writer_builds_reads_nothing_that_it_leaves_out() -> None:
    """Of a first build, nothing else is there; and of a later one, only rows of the one before."""
    taken = divided_models() | staged_models() | steps_of_a_unit()
    built = {path.stem for path in model_files(DBT_PROJECT)} - taken
    missing = {name: parents(name) & steps_of_a_unit() for name in built}
    assert {name: read for name, read in missing.items() if read} == {}


def test_hours_are_divided_by_their_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "MIN_ROWS", 1000)
    hours = [(at(hour), rows) for hour, rows in enumerate((100, 100, 3000, 100, 2000, 1500))]
    sizes = {most: [len(part) for part in units.divided(hours, most)] for most in (1, 2, 3, 9)}
    # 6,800 rows, and 500 for each hour: of two ranges each has 4,900, of three 3,267.
    assert sizes == {1: [6], 2: [3, 3], 3: [3, 1, 2], 9: [1] * 6}
    assert [len(part) for part in units.divided(hours[:2], 2)] == [2]


def test_batches_are_divided_by_their_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging_units, "MIN_LINES", 100)
    lines = [("a", 100), ("b", 300), ("c", 200), ("d", 90)]
    # b to the first, c and then a to the second, which has less, d to the first of two of 300.
    assert staging_units.divided(lines, 2) == [["b", "d"], ["c", "a"]]
    assert staging_units.divided(lines, 3) == [["b"], ["c"], ["a", "d"]]
    # One batch is one unit, and 199 lines are too few for two.
    assert staging_units.divided([("b", 300)], 2) == [["b"]]
    assert staging_units.divided([("a", 100), ("e", 99)], 2) == [["a", "e"]]


def test_units_share_memory_and_processors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNWIND_MEMORY_LIMIT", "4GiB")
    home = Home(tmp_path)
    # Of 4096 MiB and 4 processors; a thread has 448 MiB.
    for sharers, limit, threads in ((1, "4096MiB", "4"), (2, "2048MiB", "2"), (4, "1024MiB", "1")):
        given = dbt_environment(home, sharers)
        assert (given["UNWIND_DUCKDB_MEMORY_LIMIT"], given["UNWIND_DUCKDB_THREADS"]) == (
            limit,
            threads,
        )
    with connect(home, sharers=4) as connection:
        setting = "select current_setting('memory_limit'), current_setting('threads')"
        assert connection.execute(setting).fetchone() == ("1.0 GiB", 1)
    unit = StagingUnit(folder="f", sharers=4, place=0, batches=("a", "b"), folders=("okx",))
    command = Command(home, ["run"], {"UNWIND_DBT_UNIT": "rows"}, unit.sharers)
    assert command.environment["UNWIND_DUCKDB_MEMORY_LIMIT"] == "1024MiB"


def test_there_are_no_more_workers_than_processors_and_memory(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("UNWIND_MEMORY_LIMIT", "4GiB")
    assert [workers.of_this_machine(count) for count in (1, 4)] == [1, 4]
    assert caplog.text == ""
    assert workers.of_this_machine(6) == 4
    assert "4 workers instead of 6: this machine has 4 processors" in caplog.text
    monkeypatch.setenv("UNWIND_MEMORY_LIMIT", "1100MiB")
    assert workers.of_this_machine(4) == 2
    message = "2 workers instead of 4: UNWIND_MEMORY_LIMIT is 1,100 MiB, 448 MiB for"
    assert message in caplog.text


def test_a_full_disk_is_an_error_of_its_unit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(unit: StagingUnit, home: Home, unit_home: Home) -> Command:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(unit_home.staging_db))

    monkeypatch.setattr(StagingUnit, "prepare", full)
    unit = StagingUnit(folder="f", sharers=2, place=0, batches=("a", "b"), folders=("okx",))
    errors = unit_work.run_units(Home(tmp_path), [unit], mock.Mock(), "staging", no_progress)
    message = str(errors["batches_0000"])
    assert message.startswith("the staging of a and 1 more batch could not be built: ")
    assert "the disk is full: free some space, then run the command again" in message


# Of the two hours' tables, those of which the copy has lost its rows.
LOST = {
    "staging": ("landed.stg_binance__liquidations", "landed.stg_bybit__liquidations"),
    "warehouse": ("marts.fct_liquidations", "marts.liquidations_hourly"),
}


@pytest.fixture(scope="module")
def by_two(two_hours: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Both batches of the two hours once more, staged and built by two processes."""
    home = Home(tmp_path_factory.mktemp("units") / "two")
    shutil.copytree(two_hours.root, home.root, symlinks=True)
    for path in files.pair(home):
        with files.opened(home, path, read_only=False) as connection:
            for table in LOST[path.stem]:
                connection.execute(f"delete from {table}")
    with staging_state(home) as state:
        state.execute("delete from ops.built_batches")
    steps: set[str] = set()
    done = refresh.refresh(
        home, clock=lambda: at(20), processes=2, report=lambda step, done, total: steps.add(step)
    )
    assert len(done.batches) == 2
    assert {"staging in 2 units", "building facts in 2 units"} <= steps
    return home


def test_two_processes_build_what_one_builds(two_hours: Home, by_two: Home) -> None:
    compared, found = different(two_hours, by_two)
    assert found == {}
    assert compared > 200
    with beside(two_hours, by_two) as connection:
        # Five events in each of two hours: four of Binance and one of Bybit.
        for table, rows in (
            ("other_staging.landed.stg_binance__liquidations", 8),
            ("other_staging.landed.stg_bybit__liquidations", 2),
            ("other.marts.fct_liquidations", 10),
        ):
            found_rows = connection.execute(f"select count(*) from {table}").fetchone()
            assert found_rows == (rows,), table
    # Nothing is left of the units where all is built.
    assert not (by_two.warehouse_dir / "units").exists()


def test_a_small_hour_is_not_divided(two_hours: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "MIN_ROWS", MIN_ROWS)
    monkeypatch.setattr(staging_units, "MIN_LINES", MIN_LINES)
    assert units.plan_units(two_hours, "run", 4, building.FACTS_AND_MARTS) == ()
    with connect(two_hours, two_hours.staging_db, read_only=True) as state:
        assert len(staging_units.divided(staging_units.lines_of_batches(state), 4)) == 1
    assert not (two_hours.warehouse_dir / "units").exists()
