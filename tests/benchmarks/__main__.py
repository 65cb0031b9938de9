"""`make bench`, or `python -m tests.benchmarks [NAME ...]`."""

from __future__ import annotations

import tempfile
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
from tests.benchmarks.two_years import ASSETS, DAYS, two_years
from tests.benchmarks.workers import workers

BENCHMARKS = {
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


# A day of it is built three times.
MAX_FRAMES_OF_WORKERS = 2_000_000


def run(
    names: Annotated[list[str] | None, typer.Argument(help="Which; all without.")] = None,
    weeks: Annotated[int, typer.Option(help="Weeks of the long history.")] = 104,
    events: Annotated[int, typer.Option(help="Events in an hour of history.")] = 2000,
    frames: Annotated[int, typer.Option(help="Frames of the day within 2 GiB.")] = 8_000_000,
    facts: Annotated[int, typer.Option(help="Facts that queries are asked of.")] = 100_000_000,
    seconds: Annotated[int, typer.Option(help="How long frames are recorded.")] = 600,
    days: Annotated[int, typer.Option(help="Days of two-years.")] = DAYS,
    assets: Annotated[int, typer.Option(help="Assets of two-years, 70 at most.")] = ASSETS,
    folder: Annotated[Path | None, typer.Option(help="Where to work; needs ~30 GB.")] = None,
) -> None:
    """Runs the benchmarks and prints each figure with its baseline."""
    for name in names or list(BENCHMARKS):
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            print(f"\n== {name}", flush=True)
            if name == "history":
                history(Path(scratch), weeks=weeks, events_per_hour=events)
            elif name == "memory":
                memory(Path(scratch), frames=frames)
            elif name == "workers":
                workers(Path(scratch), frames=min(frames, MAX_FRAMES_OF_WORKERS))
            elif name == "two-years":
                two_years(Path(scratch), days=days, assets=assets)
            elif name == "queries":
                queries(Path(scratch), facts=facts)
            elif name == "recorder":
                recorder(Path(scratch), seconds=seconds)
            else:
                BENCHMARKS[name](Path(scratch))


typer.run(run)
