"""A refresh killed with SIGKILL at any step: the next one produces the tables of an undisturbed
one."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from tests.chaos.conftest import clock, contents, copied, count
from tests.narrowing import OF_KILLS
from tests.warehouse.hand_made import ABOUT_THE_RUN
from unwind.settings import Home
from unwind.warehouse import files
from unwind.warehouse.refresh import refresh

PROJECT = Path(__file__).parents[2]


def run(home: Home, mode: str, step: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.chaos.killed", str(home.root), mode, step],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )


def change_a_model(home: Home) -> None:
    """As if an older version of the project, which staged nothing of Binance, had built it."""
    with duckdb.connect(str(home.staging_db)) as staging:
        staging.execute(
            "update ops.models set fingerprint = 'older' where name like 'stg_binance%'"
        )
        staging.execute("update ops.project set fingerprint = 'older'")
        staging.execute("delete from landed.stg_binance__liquidations")


def lose_a_file(home: Home) -> None:
    home.warehouse_db.unlink()


PREPARED = {
    "increment": lambda home: None,
    "full": lambda home: None,
    "changed model": change_a_model,
    "missing file": lose_a_file,
}


def boundaries(home: Home, mode: str) -> list[str]:
    """Every boundary of a refresh; of repeated ones, the first and the last occurrence."""
    listed = run(home, mode, "none")
    assert listed.returncode == 0, listed.stderr
    passed: dict[str, list[str]] = {}
    for step in listed.stdout.splitlines():
        passed.setdefault(step.partition("@")[0], []).append(step)
    ends = {step for times in passed.values() for step in (times[0], times[-1])}
    return [step for step in listed.stdout.splitlines() if step in ends]


def is_one_of(home: Home, *states: dict[str, tuple]) -> bool:
    """Whether the release's tables are those of a state, of which a rebuild may have some alone."""
    found = contents(home)
    assert found.keys() >= (set(OF_KILLS) - ABOUT_THE_RUN or states[0].keys())
    return any(found.items() <= state.items() for state in states)


def killed_at(home: Home, mode: str, step: str) -> None:
    done = run(home, mode, step)
    assert done.returncode == -signal.SIGKILL, (step, done.stdout, done.stderr)
    count(f"kills of a refresh ({mode})")


def test_a_full_refresh_killed_over_its_swap_ends_with_the_same_tables(home, before, after):
    # The first call is at the start of the refresh.
    killed_at(home, "full", "before files.finish_swap@2")
    assert is_one_of(home, before, after)
    refresh(home, clock=clock)
    assert is_one_of(home, after)
    assert not files.beside(home).warehouse_dir.exists()


@pytest.mark.long
@pytest.mark.parametrize("mode", PREPARED)
def test_a_refresh_killed_at_any_step_ends_with_the_same_tables(
    built, before, after, tmp_path, mode
):
    listed = copied(built, tmp_path / "listed")
    PREPARED[mode](listed)
    steps = boundaries(listed, mode)
    assert len(steps) > 40
    for number, step in enumerate(steps):
        home = copied(built, tmp_path / f"killed-{number}")
        PREPARED[mode](home)
        killed_at(home, mode, step)
        assert is_one_of(home, before, after), step
        refresh(home, clock=clock)
        assert is_one_of(home, after), step
        assert not files.beside(home).warehouse_dir.exists()
        shutil.rmtree(home.root)
