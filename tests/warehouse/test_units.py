"""What several processes stage and build in units equals what one process does.

Beside a release of two hours, an hour of hand-made rows and a simulated one of three venues are
sealed; in long tests an earlier hour comes late, and one of which the landed gate holds Binance's
part.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from unittest import mock

import duckdb
import psutil
import pytest

from tests.warehouse.corrected_hours import landed as landed_by_hand
from tests.warehouse.hand_made import ABOUT_THE_RUN, at, binance, land, seal
from unwind.database import connect
from unwind.landing.land import hour_batch, land_venue, seal_batch
from unwind.progress import Progress, no_progress
from unwind.settings import Home
from unwind.simulator.episode import short_tape
from unwind.simulator.segments import write_segments
from unwind.simulator.server import Simulator
from unwind.warehouse import refresh, staging_units, unit_work, units, workers
from unwind.warehouse.dbt import Command, DbtError, DbtKilledError, DbtProcess, dbt_environment
from unwind.warehouse.divided import divided_models, models_above, steps_of_a_unit
from unwind.warehouse.staging_units import StagingUnit
from unwind.warehouse.unit_work import UnitError
from unwind.warehouse.units import Unit

LATE, HAND_MADE, SIMULATED, HELD = 11, 13, 14, 15
VENUES = ("binance", "bybit", "okx")
MIN_ROWS, MIN_LINES = units.MIN_ROWS, staging_units.MIN_LINES


def clock() -> datetime:
    return at(20)


def land_simulated(home: Home, hour: int) -> None:
    tape, now = short_tape(), at(hour + 1, 1)
    write_segments(tape, home.recorder, at(hour), at(hour + 1))
    with Simulator(tape, now=now) as server:
        settings = {**server.environment(), "UNWIND_TRACKED_INSTRUMENTS": "2"}
        with mock.patch.dict(os.environ, settings):
            for venue in VENUES:
                land_venue(home, hour_batch(at(hour)), venue, lambda: now)
    seal_batch(home, hour_batch(at(hour)), lambda: now, VENUES)


def land_more(home: Home) -> None:
    """The late hour, and an hour in which 30 of Binance's 32 rows have no side."""
    landed_by_hand(home, LATE)
    seal(home, LATE, at(16))
    rows = [
        binance("BTCUSDT", "SELL" if minute < 2 else "?", "1", "71000", at(HELD, minute))
        for minute in range(32)
    ]
    land(home, HELD, "binance", rows)
    seal(home, HELD)


@pytest.fixture(scope="module", autouse=True)
def every_hour_is_worth_dividing() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(units, "MIN_ROWS", 1)
        patch.setattr(staging_units, "MIN_LINES", 1)
        patch.setattr(os, "sched_getaffinity", lambda pid: set(range(4)))
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("units")


@pytest.fixture(scope="module")
def landed(two_hours: Home, folder: Path) -> Home:
    shutil.copytree(two_hours.root, folder / "landed", symlinks=True)
    home = Home(folder / "landed")
    landed_by_hand(home, HAND_MADE)
    seal(home, HAND_MADE)
    land_simulated(home, SIMULATED)
    return home


def built(landed: Home, root: Path, processes: int, report: Progress = no_progress) -> Home:
    shutil.copytree(landed.root, root, symlinks=True)
    refresh.refresh(Home(root), clock=clock, processes=processes, report=report)
    return Home(root)


@pytest.fixture(scope="module")
def by_one(landed: Home, folder: Path) -> Home:
    return built(landed, folder / "one", 1)


@pytest.fixture(scope="module")
def by_two(landed: Home, folder: Path) -> Home:
    steps: set[str] = set()
    home = built(landed, folder / "two", 2, lambda step, done, total: steps.add(step))
    assert {"staging in 2 units", "building facts in 2 units"} <= steps
    return home


@pytest.fixture(scope="module")
def by_phases(by_two: Home, folder: Path) -> Home:
    """The release of two processes once more, to go on from phase by phase."""
    shutil.copytree(by_two.root, folder / "phases", symlinks=True)
    return Home(folder / "phases")


@contextmanager
def beside(one: Home, other: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        for name, home in (("one", one), ("other", other)):
            connection.execute(f"attach '{home.warehouse_db}' as {name} (read_only)")
            connection.execute(f"attach '{home.staging_db}' as {name}_staging (read_only)")
        yield connection


def different(one: Home, other: Home) -> tuple[int, dict[str, str]]:
    """How many tables were compared, and how columns, types or rows of some differ."""
    found, compared = {}, 0
    with beside(one, other) as connection:
        tables = connection.execute(
            "select database_name, schema_name, table_name from duckdb_tables()"
            " where database_name like 'other%'"
            " and schema_name in ('landed', 'marts', 'intermediate', 'seeds')"
        ).fetchall()
        for database, schema, table in tables:
            if table in ABOUT_THE_RUN | steps_of_a_unit():
                continue
            compared += 1
            here = f"{database.replace('other', 'one')}.{schema}.{table}"
            there = f"{database}.{schema}.{table}"
            columns = [
                connection.execute(
                    f"select column_name, column_type from (describe {name})"
                ).fetchall()
                for name in (here, there)
            ]
            if columns[0] != columns[1]:
                found[table] = "columns"
                continue
            only = [
                connection.execute(
                    f"select * from {a} except all select * from {b} limit 1"
                ).fetchall()
                for a, b in ((here, there), (there, here))
            ]
            if only != [[], []]:
                found[table] = str(only)
    return compared, found


def test_facts_are_divided_and_windows_are_not() -> None:
    assert {"fct_liquidations", "fct_open_interest", "liquidations_hourly"} <= divided_models()
    assert {"leverage_hourly", "stress_hourly", "grain_audit", "release"} <= models_above()
    assert "int_liquidations_valued" in steps_of_a_unit()
    # The venues are a table of every release.
    assert not {"dim_venues"} & (divided_models() | models_above() | steps_of_a_unit())


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
    # Of 4096 MiB and 4 processors; a thread has 512 MiB.
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
    assert "4 of the 6 workers that were asked for: this machine has 4 processors" in caplog.text
    monkeypatch.setenv("UNWIND_MEMORY_LIMIT", "1100MiB")
    assert workers.of_this_machine(4) == 2
    said = "2 of the 4 workers that were asked for: UNWIND_MEMORY_LIMIT is 1,100 MiB, 512 MiB for"
    assert said in caplog.text


def test_a_unit_that_finds_the_disk_full_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(unit: StagingUnit, home: Home, unit_home: Home) -> Command:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(unit_home.staging_db))

    monkeypatch.setattr(StagingUnit, "prepare", full)
    unit = StagingUnit(folder="f", sharers=2, place=0, batches=("a", "b"), folders=("okx",))
    errors = unit_work.run_units(Home(tmp_path), [unit], mock.Mock(), "staging", no_progress)
    said = str(errors["batches_0000"])
    assert said.startswith("the staging of a and 1 more batch could not be built: ")
    assert "the disk is full: free some space, then run the command again" in said


def test_two_processes_build_what_one_builds(by_one: Home, by_two: Home) -> None:
    compared, found = different(by_one, by_two)
    assert found == {}
    assert compared > 200
    filled = {
        "marts": ("fct_liquidations", "fct_prices", "fct_open_interest", "leverage_hourly"),
        "landed": ("stg_binance__liquidations", "stg_okx__open_interest", "stg_bybit__prices"),
    }
    with beside(by_one, by_two) as connection:
        for schema, tables in filled.items():
            database = "other_staging" if schema == "landed" else "other"
            for table in tables:
                named = f"{database}.{schema}.{table}"
                late = f"select count(*) from {named} where hour_at >= '2026-01-29 13:00'"
                assert connection.execute(late).fetchone()[0] > 0, named
    # Nothing is left of the units where all is built.
    assert not (by_two.warehouse_dir / "units").exists()


@pytest.fixture(scope="module")
def more_by_one(by_one: Home, by_phases: Home) -> Home:
    land_more(by_one)
    report = refresh.refresh(by_one, clock=clock)
    assert [part[:2] for part in report.held] == [("hour-2026-01-29T15", "binance")]
    return by_one


@pytest.mark.long
def test_four_processes_build_what_one_builds_although_one_is_killed(
    by_two: Home, more_by_one: Home, caplog: pytest.LogCaptureFixture
) -> None:
    killed: list[int] = []

    def kill_one(step: str, done: int, total: int) -> None:
        if step == "building facts in 4 units" and not killed:
            fork = forks_of_dbt()[0]
            killed.append(fork.pid)
            fork.kill()

    land_more(by_two)
    report = refresh.refresh(by_two, clock=clock, processes=4, report=kill_one)
    assert [part[:2] for part in report.held] == [("hour-2026-01-29T15", "binance")]
    assert len(killed) == 1
    assert "once more: the unit of 2026-01-29T" in caplog.text
    assert "killed by signal 9" in caplog.text
    assert different(more_by_one, by_two)[1] == {}


def forks_of_dbt() -> list[psutil.Process]:
    """The processes that dbt's worker has forked, the newest first."""
    found = []
    for one in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if "unwind.warehouse.dbt_worker" in (one.parent() or one).cmdline():
                found.append(one)
    return sorted(found, key=lambda one: -one.create_time())


@pytest.mark.long
def test_phases_build_units_anywhere_and_again(
    by_phases: Home, more_by_one: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, readers = by_phases, by_phases.current.resolve()
    monkeypatch.setenv("UNWIND_WORKERS", "2")
    land_more(home)
    assert refresh.stage(home, clock)
    assert [part[:2] for part in refresh.gate_landed(home, clock)] == [
        ("hour-2026-01-29T15", "binance")
    ]
    # As a scheduler passes them on.
    described = json.loads(json.dumps(refresh.plan_units(home, clock)))
    assert json.loads(json.dumps(refresh.plan_units(home, clock))) == described
    first, second = (Unit(**one) for one in described)
    assert second.last_hour == "2026-01-29T15"
    runs = home.root / first.folder

    # dbt's process is killed over both.
    with DbtProcess(home) as dbt:
        kill = partial(kill_dbt, dbt)
        with pytest.raises(DbtKilledError, match=r"the unit of 2026-01-29T.* killed by signal 9"):
            workers.run_missing(home, [first, second], dbt, units.STEP, kill)
    half_written = sorted(path.name for path in runs.glob(".hours_*"))
    assert len(half_written) >= 2
    assert not (runs / first.name).exists()

    # A file that one reads is damaged.
    staged = next((runs / "inputs" / "staged").glob("*liquidations.parquet"))
    whole = staged.read_bytes()
    staged.write_bytes(whole[:100])
    with pytest.raises((UnitError, DbtError), match=f"the unit of {first.first_hour} to"):
        refresh.run_unit(home, described[0])
    staged.write_bytes(whole)
    assert home.current.resolve() == readers

    assert refresh.run_unit(home, described[0])
    written_at = (runs / first.name).stat().st_mtime_ns
    assert refresh.run_unit(home, described[0])
    assert (runs / first.name).stat().st_mtime_ns == written_at
    # The other one is built with what stands above.
    refresh.build(home, clock)
    assert not runs.exists()
    assert refresh.gate_marts(home, clock) >= 0
    assert refresh.publish(home, clock)
    assert different(more_by_one, home)[1] == {}
    # Its run is over.
    assert not refresh.run_unit(home, described[1])


def kill_dbt(dbt: DbtProcess, step: str, done: int, total: int) -> None:
    with suppress(psutil.NoSuchProcess):
        worker = psutil.Process(dbt.pid)
        for one in [worker, *worker.children(recursive=True)]:
            one.kill()


def test_a_small_hour_is_not_divided(by_one: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "MIN_ROWS", MIN_ROWS)
    assert units.plan_units(by_one, "run", 4, refresh.FACTS_AND_MARTS) == ()
    monkeypatch.setattr(staging_units, "MIN_LINES", MIN_LINES)
    assert staging_units.plan(by_one, 4) == ()
    assert not (by_one.warehouse_dir / "units").exists()
