"""Clocks that jump, and homes that older versions of the project have built."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.chaos.conftest import clock, contents, copied, count
from tests.warehouse.hand_made import at
from unwind.landing.ledger import Ledger
from unwind.settings import Home
from unwind.warehouse import releases
from unwind.warehouse.refresh import refresh

PROJECT = Path(__file__).parents[2]
# The first releases that others have run, and the last one before files carried a build id.
OLDER_VERSIONS = ("f1a9e25", "db99147")
BUILD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
import unwind
assert unwind.__file__.startswith(sys.argv[2]), unwind.__file__
from unwind.settings import Home
from unwind.warehouse.refresh import refresh
refresh(Home(Path(sys.argv[1])), clock=lambda: datetime(2026, 1, 29, 20, tzinfo=UTC))
"""


@pytest.mark.long
@pytest.mark.parametrize("year", [1999, 2019, 2031])
def test_a_clock_that_jumps_changes_no_table_and_no_order(built, after, tmp_path, year):
    home = copied(built, tmp_path / "home")
    jumped = datetime(year, 3, 1, tzinfo=UTC)
    first = refresh(home, clock=lambda: jumped).release_id
    count("jumps of the clock")
    assert contents(home) == after
    Ledger(home).withdraw("hour-2026-01-29T10", "bybit", "", clock(), undo=True)
    second = refresh(home, clock=clock).release_id
    assert [one.release_id for one in releases.listed(home)][:2] == [second, first]
    assert releases.listed(home)[0].is_current


@pytest.mark.long
@pytest.mark.parametrize("commit", OLDER_VERSIONS)
def test_a_home_that_an_older_version_built_is_rebuilt_from_raw(built, tmp_path, commit):
    older = tmp_path / "older"
    added = subprocess.run(
        ["git", "worktree", "add", "--detach", str(older), commit],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    if added.returncode:
        pytest.skip(f"this checkout has no history back to {commit}: {added.stderr.strip()}")
    try:
        home = Home(tmp_path / "home")
        for part in ("raw", "ledger"):
            shutil.copytree(built.root / part, home.root / part)
        # An older version knows no withdrawals.
        shutil.rmtree(home.withdrawals)
        fresh = Home(tmp_path / "fresh")
        shutil.copytree(home.root, fresh.root)
        subprocess.run(
            [sys.executable, "-c", BUILD, str(home.root), str(older)],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(older / "dags")},
            check=True,
        )
        count("upgrades from an older version")
        report = refresh(home, clock=lambda: at(21))
        assert "older version" in report.rebuilt
        refresh(fresh, clock=lambda: at(21))
        assert contents(home) == contents(fresh)
    finally:
        subprocess.run(
            ["git", "worktree", "remove", "--force", str(older)], cwd=PROJECT, check=False
        )
