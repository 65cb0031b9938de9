"""The seed episode, end to end, in one process and without a network.

A simulated market is served on loopback in the venues' own formats; the tasks of the DAGs land it
(the weeks before by daily dumps and recorded streams, the last day by REST, hour by hour), and
refresh and publish it. Everything but the market is what runs against the real venues.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from unwind.clock import CLOCK_VARIABLE, HOUR, iso, utc_now
from unwind.landing.ledger import Ledger
from unwind.settings import PROJECT_ROOT, Home

# Landed a little after the hour, as a scheduler does; dumps appear in the next day's morning.
AFTER_THE_HOUR = timedelta(seconds=20)
AFTER_THE_DAY = timedelta(days=1, hours=4, minutes=10)
DAY = timedelta(days=1)

Report = Callable[[str, int, int], None]


class DemoRefusedError(RuntimeError):
    """The home holds real data, which a simulated market must not be mixed into."""


def run_demo(home: Home, port: int, report: Report) -> datetime:
    """Lands, builds and publishes the seed episode; returns its peak hour.

    Running it again lands nothing anew. Raises DemoRefusedError where the home has real batches.
    """
    from unwind.replay.episode import PEAK_FROM_AT, default_tape
    from unwind.replay.market import instant
    from unwind.replay.segments import write_segments
    from unwind.replay.server import ReplayServer

    _claim(home)
    report("generating the market", 0, 1)
    tape = default_tape()
    report("generating the market", 1, 1)
    last_hour = PEAK_FROM_AT
    first_day = instant(tape.start_ms).replace(hour=0, minute=0, second=0, microsecond=0)
    last_day = last_hour.replace(hour=0)
    days = [first_day + DAY * place for place in range((last_day - first_day).days)]
    hours = [last_day + HOUR * place for place in range(last_hour.hour + 1)]
    write_segments(tape, home.recorder, first_day, last_hour + HOUR)
    with ReplayServer(tape, port=port) as server, _environment(home, server.environment()):
        landing = [
            *(("backfill_dumps", f"{day:%Y-%m-%d}", day + AFTER_THE_DAY) for day in days),
            *(("land_hour", f"{at:%Y-%m-%dT%H}", at + HOUR + AFTER_THE_HOUR) for at in hours),
        ]
        tasks = {dag_id: _tasks(dag_id) for dag_id in ("backfill_dumps", "land_hour")}
        for place, (dag_id, key, now) in enumerate(landing):
            report(f"landing {key}", place, len(landing))
            server.set_now(now)
            with _clock_at(now):
                _land(tasks[dag_id], key, now)
        report("landing", len(landing), len(landing))
        with _clock_at(landing[-1][2] + timedelta(minutes=1)):
            _refresh(home, report)
    return last_hour


def _land(tasks: dict[str, Callable], key: str, now: datetime) -> None:
    """One run of a landing DAG: its tasks in order, with what Airflow would hand them."""
    dag_run = SimpleNamespace(partition_key=key, run_after=now)
    run: dict[str, Any] = {"dag_run": dag_run, "params": {}}
    for venue in tasks["list_venues"]():
        tasks["land"](venue, **run)
    tasks["seal"](**run, outlet_events=_NoListeners())


def _refresh(home: Home, report: Report) -> None:
    tasks = _tasks("refresh_warehouse")
    phases = ("stage", "gate_landed", "build", "gate_marts", "publish")
    for place, phase in enumerate(phases):
        report(f"refreshing: {phase}", place, len(phases))
        if phase == "publish":
            tasks[phase](outlet_events=_NoListeners())
        elif tasks[phase]() is False:
            break
    report("refreshing", len(phases), len(phases))


class _NoListeners:
    """Stands for Airflow's outlet events, where nobody waits for them."""

    def __getitem__(self, asset: Any) -> _NoListeners:
        return self

    def add_partitions(self, keys: Any) -> None:
        """Nobody is told."""


def _tasks(dag_id: str) -> dict[str, Callable]:
    """A DAG's tasks as plain functions, by task id."""
    dag = getattr(importlib.import_module(dag_id), dag_id)()
    return {task_id: _function(task) for task_id, task in dag.task_dict.items()}


def _function(task: Any) -> Callable:
    # A mapped task keeps its function among the arguments that it is unmapped with.
    return getattr(task, "python_callable", None) or task.partial_kwargs["python_callable"]


def _claim(home: Home) -> None:
    marker = home.root / "SIMULATED"
    if not marker.exists() and Ledger(home).sealed():
        raise DemoRefusedError(
            f"{home.root} holds landed data; set UNWIND_HOME to an empty folder for the demo"
        )
    home.root.mkdir(parents=True, exist_ok=True)
    marker.write_text("This warehouse is built from a simulated market (unwind demo).\n")


def is_simulated(home: Home) -> bool:
    """Whether the home was filled by the demo; real venues are not to be landed into it."""
    return (home.root / "SIMULATED").exists()


@contextmanager
def _environment(home: Home, connections: dict[str, str]) -> Iterator[None]:
    """The venues' connections, and the DAG files, as the tasks see them."""
    added = {
        **connections,
        "UNWIND_HOME": str(home.root),
        "AIRFLOW_HOME": str(home.root / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        CLOCK_VARIABLE: iso(utc_now()),
    }
    before = {name: os.environ.get(name) for name in added}
    os.environ.update(added)
    sys.path.append(str(PROJECT_ROOT / "dags"))
    try:
        yield
    finally:
        sys.path.remove(str(PROJECT_ROOT / "dags"))
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _clock_at(now: datetime) -> Iterator[None]:
    os.environ[CLOCK_VARIABLE] = iso(now)
    yield
