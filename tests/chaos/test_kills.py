"""Killed -9 at any step, the next refresh ends with the tables of an undisturbed one."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from tests.chaos.conftest import EVERYTHING, clock, contents, copied, count
from unwind.settings import Home
from unwind.warehouse import files
from unwind.warehouse.refresh import refresh

PROJECT = Path(__file__).parents[2]


def run(home: Home, mode: str, step: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.chaos.killed", str(home.root), mode, str(step)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )


def change_a_model(home: Home) -> None:
    """As if an older version of the project had built the home, and staged nothing of Binance."""
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
    listed = run(home, mode, 0)
    assert listed.returncode == 0, listed.stderr
    return [line.partition(" ")[2] for line in listed.stdout.splitlines()]


def killed_at(home: Home, mode: str, step: int) -> None:
    done = run(home, mode, step)
    assert done.returncode == -signal.SIGKILL, (step, done.stdout, done.stderr)
    count(f"kills of a refresh ({mode})")


@pytest.mark.parametrize("mode", ["increment", "full"])
def test_killed_at_some_steps_it_ends_with_the_same_tables(built, before, after, tmp_path, mode):
    steps = boundaries(copied(built, tmp_path / "listed"), mode)
    home = copied(built, tmp_path / "home")
    wanted = {
        "increment": ["after refresh._write_plan", "after files.renew_build_id", "in building"],
        "full": ["in staging", "after releases._swap", "before files.finish_swap"],
    }[mode]
    for name in wanted:
        # The last of its kind: a swap is finished at the end, too.
        killed_at(home, mode, len(steps) - steps[::-1].index(name))
        assert contents(home) in (before, after)
    refresh(home, clock=clock)
    assert contents(home) == after
    assert not files.beside(home).warehouse_dir.exists()


@pytest.mark.skipif(not EVERYTHING, reason="takes long: `make chaos` runs it")
@pytest.mark.parametrize("mode", PREPARED)
def test_killed_at_each_step_it_ends_with_the_same_tables(built, before, after, tmp_path, mode):
    listed = copied(built, tmp_path / "listed")
    PREPARED[mode](listed)
    steps = boundaries(listed, mode)
    assert len(steps) > 40
    for step in range(1, len(steps) + 1):
        home = copied(built, tmp_path / f"killed-{step}")
        PREPARED[mode](home)
        killed_at(home, mode, step)
        assert contents(home) in (before, after), steps[step - 1]
        refresh(home, clock=clock)
        assert contents(home) == after, steps[step - 1]
        assert not files.beside(home).warehouse_dir.exists()
        subprocess.run(["rm", "-rf", str(home.root)], check=True)
