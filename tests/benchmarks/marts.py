"""Every mart built again for every hour of the demo, in one run of dbt: rows a second."""

from __future__ import annotations

import json
from pathlib import Path

from unwind.database import connect
from unwind.demo import run_demo
from unwind.progress import no_progress
from unwind.settings import Home
from unwind.warehouse.dbt_by_hand import run as run_dbt
from unwind.warehouse.promises import marts as listed
from unwind.warehouse.releases import take_own_copy
from unwind.warehouse.state import staging_state

SELECTED = ("--select", "selector:facts_and_marts", "--exclude", "selector:unchanging")


def marts(folder: Path) -> None:
    """Prints the rows of each mart, its seconds and rows a second, then those of models below."""
    home = Home(folder / "home")
    run_demo(home, 0, no_progress)
    print_speeds(home)


def print_speeds(home: Home) -> None:
    """Builds all hours of a home that has a release, and prints how fast each mart was.

    Raises RuntimeError where dbt fails.
    """
    take_own_copy(home)
    with staging_state(home) as state:
        (hours,) = state.execute(
            "insert into ops.pending_hours select distinct hour_at from ops.hours"
        ).fetchone() or (0,)
    # One model at a time, so that none waits for another one's processors.
    built = run_dbt(home, ["run", *SELECTED, "--threads", "1"], captured=True)
    if built.returncode:
        raise RuntimeError(f"dbt run failed:\n{built.stdout[-2000:]}{built.stderr[-2000:]}")
    results = json.loads((home.dbt_target / "run_results.json").read_text())["results"]
    seconds = {one["unique_id"].split(".")[-1]: one["execution_time"] for one in results}
    print(f"{hours:,} hours; all models: {sum(seconds.values()):.1f} s")
    print(f"{'mart':<32}{'rows':>12}{'seconds':>10}{'rows/s':>12}")
    names = sorted(listed().keys() & seconds)
    with connect(home, home.warehouse_db, read_only=True) as warehouse:
        for name in names:
            (rows,) = warehouse.execute(f"select count(*) from marts.{name}").fetchone() or (0,)
            print(f"{name:<32}{rows:>12,}{seconds[name]:>10.2f}{rows / seconds[name]:>12,.0f}")
    below = sorted(seconds.keys() - set(names), key=lambda name: -seconds[name])
    print(f"below them, {sum(seconds[name] for name in below):.1f} s:")
    for name in below[:12]:
        print(f"{name:<44}{seconds[name]:>10.2f}")
