"""What several processes stage and build in units equals what one process does.

From nothing two hours are built, an hour of hand-made rows and a simulated one of three venues;
then an earlier hour comes late, and one of which the landed gate holds the part of Binance.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from signal import SIGTERM

import psutil
import pytest

from tests.warehouse.compared import beside, different
from tests.warehouse.corrected_hours import landed as landed_by_hand
from tests.warehouse.dividing import divided_on_four_processors
from tests.warehouse.hand_made import at, binance, land, seal
from tests.warehouse.simulated_hour import land_simulated
from unwind.progress import Progress, no_progress
from unwind.settings import Home
from unwind.warehouse import refresh, units, workers
from unwind.warehouse.dbt import DbtError, DbtKilledError, DbtProcess
from unwind.warehouse.unit_work import UnitError
from unwind.warehouse.units import Unit

LATE, HAND_MADE, SIMULATED, HELD = 11, 13, 14, 15

# `unwind`, with everything worth dividing.
UNWIND = """
import os
from unwind.cli.application import main
from unwind.warehouse import staging_units, units
units.MIN_ROWS = staging_units.MIN_LINES = 1
os.sched_getaffinity = lambda pid: {0, 1}
main()
"""


def clock() -> datetime:
    return at(20)


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
def everything_is_worth_dividing() -> Iterator[None]:
    with divided_on_four_processors():
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("units")


@pytest.fixture(scope="module")
def landed(two_hours: Home, folder: Path) -> Home:
    home = Home(folder / "landed")
    for part in ("raw", "ledger"):
        shutil.copytree(two_hours.root / part, home.root / part)
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


@pytest.mark.long
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
        worker = psutil.Process(dbt._worker.pid)
        for one in [worker, *worker.children(recursive=True)]:
            one.kill()


@pytest.mark.long
@pytest.mark.parametrize("step", ["batches", "hours"])
def test_a_refresh_that_is_stopped_ends_all_forks_and_leaves_nothing(
    landed: Home, tmp_path: Path, step: str
) -> None:
    # Ctrl-C is handled by the same function; a shell's background jobs ignore it.
    home = Home(tmp_path / "home")
    shutil.copytree(landed.root, home.root, symlinks=True)
    readers = home.current.resolve()
    with subprocess.Popen(
        [sys.executable, "-c", UNWIND, "refresh", "--workers", "2"],
        env={**os.environ, "UNWIND_HOME": str(home.root)},
        stderr=subprocess.PIPE,
    ) as running:
        under_way: list[Path] = []
        while len(under_way) < 2:
            assert running.poll() is None
            time.sleep(0.1)
            under_way = list(home.warehouse_dir.glob(f"units/*/.{step}_*/logs"))
        started = psutil.Process(running.pid).children(recursive=True)
        running.send_signal(SIGTERM)
        running.communicate(timeout=60)
    assert running.returncode == 128 + SIGTERM
    # The worker, the fork that staged, and one fork a unit, or those of them that have begun.
    assert len(started) >= 2
    assert psutil.wait_procs(started, timeout=10)[1] == []
    assert not (home.warehouse_dir / "units").exists()
    assert home.current.resolve() == readers
