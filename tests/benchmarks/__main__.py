"""`make bench`, or `python -m tests.benchmarks [NAME ...]`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from tests.benchmarks.airflow import airflow
from tests.benchmarks.bulk import bulk
from tests.benchmarks.busy_hour import busy_hour
from tests.benchmarks.estimates import estimates
from tests.benchmarks.full_hour import full_hour
from tests.benchmarks.history import history
from tests.benchmarks.loaders import loaders
from tests.benchmarks.marts import marts
from tests.benchmarks.memory import memory
from tests.benchmarks.queries import queries
from tests.benchmarks.readers import readers
from tests.benchmarks.recorder import recorder
from tests.benchmarks.report import Report
from tests.benchmarks.two_years import ASSETS, DAYS, two_years
from tests.benchmarks.workers import workers

BENCHMARKS: dict[str, Callable[..., None]] = {
    "airflow": airflow,
    "bulk": bulk,
    "busy-hour": busy_hour,
    "estimates": estimates,
    "full-hour": full_hour,
    "history": history,
    "loaders": loaders,
    "marts": marts,
    "memory": memory,
    "queries": queries,
    "readers": readers,
    "recorder": recorder,
    "two-years": two_years,
    "workers": workers,
}


def run(
    names: Annotated[list[str] | None, typer.Argument(help="Which; all without.")] = None,
    weeks: Annotated[int, typer.Option(help="Weeks of the long history.")] = 104,
    events: Annotated[int, typer.Option(help="Events in an hour of history.")] = 2000,
    frames: Annotated[
        int | None, typer.Option(help="Frames of bulk, memory and workers, instead of theirs.")
    ] = None,
    facts: Annotated[int, typer.Option(help="Facts that queries are asked of.")] = 100_000_000,
    seconds: Annotated[int, typer.Option(help="How long frames are recorded.")] = 600,
    days: Annotated[int, typer.Option(help="Days of two-years.")] = DAYS,
    assets: Annotated[int, typer.Option(help="Assets of two-years, 70 at most.")] = ASSETS,
    folder: Annotated[Path | None, typer.Option(help="Where to work; needs ~30 GB.")] = None,
    json: Annotated[Path, typer.Option(help="The file of the figures.")] = Path("benchmarks.json"),
) -> None:
    """Runs the benchmarks, prints each figure with its baseline and keeps them as JSON."""
    of_frames = {"frames": frames} if frames else {}
    options = {
        "bulk": of_frames,
        "memory": of_frames,
        "workers": of_frames,
        "history": {"weeks": weeks, "events_per_hour": events},
        "two-years": {"days": days, "assets": assets},
        "queries": {"facts": facts},
        "recorder": {"seconds": seconds},
    }
    report = Report(json)
    for name in names or list(BENCHMARKS):
        report.begin(name)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            BENCHMARKS[name](report, Path(scratch), **options.get(name, {}))


typer.run(run)
