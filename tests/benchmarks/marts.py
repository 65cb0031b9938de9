"""Every mart built again for every hour of the demo, in one run of dbt: rows a second."""

from __future__ import annotations

import json
from pathlib import Path

from tests.benchmarks.report import Report
from unwind.database import connect
from unwind.demo import run_demo
from unwind.progress import no_progress
from unwind.settings import Home
from unwind.warehouse.dbt_by_hand import run as run_dbt
from unwind.warehouse.promises import marts as listed
from unwind.warehouse.releases import take_own_copy
from unwind.warehouse.state import staging_state

SELECTED = ("--select", "selector:facts_and_marts", "--exclude", "selector:unchanging")


def marts(report: Report, folder: Path) -> None:
    """Notes the rows of each mart, its seconds and rows a second, then those of models below."""
    home = Home(folder / "home")
    run_demo(home, 0, no_progress)
    note_speeds(report, home)


def note_speeds(report: Report, home: Home) -> None:
    """Builds all hours of a home that has a release, and notes how fast each model was.

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
    report.note("all models, one at a time", hours=hours, seconds=sum(seconds.values()))
    names = sorted(listed().keys() & seconds)
    with connect(home, home.warehouse_db, read_only=True) as warehouse:
        for name in names:
            (rows,) = warehouse.execute(f"select count(*) from marts.{name}").fetchone() or (0,)
            report.note(
                name, rows=rows, seconds=seconds[name], rows_per_second=rows / seconds[name]
            )
    for name in sorted(seconds.keys() - set(names), key=lambda name: -seconds[name]):
        report.note(name, seconds=seconds[name])
