"""Clocks that jump, and homes built by older versions of the project."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from tests.chaos.conftest import clock, contents, copied, count
from tests.warehouse.hand_made import at
from unwind.landing.ledger import Ledger
from unwind.settings import Home
from unwind.warehouse import releases
from unwind.warehouse.refresh import refresh

PROJECT = Path(__file__).parents[2]
# The first versions that others have run, and the last one before files carried a build id.
OLDER_VERSIONS = ("f1a9e25", "db99147")
# Lands, imports and builds with the older version's code only: its ledger has an older format.
BUILD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
import unwind
from tests.warehouse import hand_made
for module in (unwind, hand_made):
    assert module.__file__.startswith(sys.argv[2]), module.__file__
from tests.warehouse.hand_made import at, binance, bybit, land, seal
from unwind.landing.imports import import_files
from unwind.settings import Home
from unwind.warehouse.refresh import refresh
home, clock = Home(Path(sys.argv[1])), lambda: at(20)
land(home, 10, "binance", [binance("BTCUSDT", "SELL", "0.5", "80000", at(10, 0, 1))])
land(home, 10, "bybit", [bybit("BTCUSDT", "Buy", "1", "80100", at(10, 0, 2))])
seal(home, 10)
land(home, 11, "binance", [binance("ETHUSDT", "BUY", "40", "3000", at(11, 6))])
seal(home, 11)
file = Path(sys.argv[1] + ".csv")
file.write_text(
    "BTC,SELL,LIMIT,IOC,0.1,80000,80000,FILLED,0.1,0.1,"
    f"{int(at(11, 0, 9).timestamp() * 1000)},8000\\n"
)
import_files(home, "binance", "force-order-csv", [file], clock)
refresh(home, clock=clock)
"""
# Long sides in dollars: 0.5 x 80,000, 1 x 80,100 and 0.1 x 80,000; short: 40 x 3,000.
SUMS = (128_100.0, 120_000.0)


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
        home, fresh = Home(tmp_path / "home"), Home(tmp_path / "fresh")
        subprocess.run(
            [sys.executable, "-c", BUILD, str(home.root), str(older)],
            cwd=older,
            env={**os.environ, "PYTHONPATH": f"{older / 'dags'}{os.pathsep}{older}"},
            check=True,
        )
        for part in ("raw", "ledger"):
            shutil.copytree(home.root / part, fresh.root / part)
        count("upgrades from an older version")
        report = refresh(home, clock=lambda: at(21))
        assert "older version" in report.rebuilt
        refresh(fresh, clock=lambda: at(21))
        assert contents(home) == contents(fresh)
        with duckdb.connect(str(home.current / "warehouse.duckdb"), read_only=True) as release:
            query = (
                "select sum(long_usd)::double, sum(short_usd)::double"
                " from marts.liquidations_hourly"
            )
            assert release.execute(query).fetchone() == SUMS
    finally:
        subprocess.run(
            ["git", "worktree", "remove", "--force", str(older)], cwd=PROJECT, check=False
        )
