"""Each mart built again for every hour of the demo, by itself: rows a second."""

from __future__ import annotations

import time
from pathlib import Path

from unwind.database import connect
from unwind.demo import run_demo
from unwind.progress import no_progress
from unwind.settings import Home
from unwind.warehouse.dbt import run_dbt
from unwind.warehouse.promises import marts as listed
from unwind.warehouse.releases import take_own_copy
from unwind.warehouse.state import staging_state

# Tables that are written when a release is made, and views.
NOT_BUILT = {"gate_results", "landing_outcomes", "mart_revisions", "published_releases", "release"}


def marts(folder: Path) -> None:
    """Prints the rows of each mart, its seconds beyond those of an empty run, and rows a second."""
    home = Home(folder / "home")
    run_demo(home, 0, no_progress)
    take_own_copy(home)
    with staging_state(home) as state:
        (hours,) = state.execute(
            "insert into ops.pending_hours select distinct hour_at from ops.hours"
        ).fetchone() or (0,)
    empty = _seconds(home, "gate_results")
    print(f"{hours:,} hours; an empty run of dbt takes {empty:.2f} s")
    print(f"{'mart':<32}{'rows':>12}{'seconds':>10}{'rows/s':>12}")
    for name in sorted(listed().keys() - NOT_BUILT):
        spent = max(_seconds(home, name) - empty, 0.01)
        with connect(home, home.warehouse_db, read_only=True) as warehouse:
            (rows,) = warehouse.execute(f"select count(*) from marts.{name}").fetchone() or (0,)
        print(f"{name:<32}{rows:>12,}{spent:>10.2f}{rows / spent:>12,.0f}", flush=True)


def _seconds(home: Home, mart: str) -> float:
    started = time.perf_counter()
    run_dbt(home, ["run", "--select", mart])
    return time.perf_counter() - started
