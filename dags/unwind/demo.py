"""The seed episode, end to end, in one process and without a network.

A simulated market is served on loopback in the venues' own formats; the tasks of the DAGs land it
(the weeks before by daily dumps and recorded streams, the last day by REST, hour by hour), and
refresh and publish it. Everything but the market is what runs against the real venues. Not all of
the market is recorded: `unwind.simulator.episode` states what is missing, and so do the marts.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import requests

from unwind import settings
from unwind.clock import HOUR, iso, utc_now
from unwind.errors import UnwindError, ending
from unwind.landing.ledger import Ledger
from unwind.progress import Progress
from unwind.settings import PROJECT_ROOT, Home
from unwind.warehouse import gates
from unwind.warehouse.dbt import shared_worker

# A venue is landed right after the hour, as a scheduler does, or once its data can be complete.
# Dumps appear in the next day's morning.
RIGHT_AFTER_THE_HOUR = timedelta(seconds=20)
AFTER_THE_HOUR = timedelta(minutes=2, seconds=20)
AFTER_THE_DAY = timedelta(days=1, hours=4, minutes=10)
DAY = timedelta(days=1)

# Days on the tape: percentiles need 7 days of history, and the score's own 7 more days of scores.
HISTORY_DAYS = 22
# The market has some twenty assets; the smaller ones are in endpoints that list all at once.
TRACKED_INSTRUMENTS = 10


class DemoRefusedError(UnwindError, RuntimeError):
    """The demo cannot run here: the home holds real data, the port is taken, its server ended."""


def run_demo(home: Home, port: int, report: Progress) -> datetime:
    """Lands, builds and publishes the seed episode; returns its peak hour.

    Running it again lands nothing twice. Raises DemoRefusedError where the home has real batches.
    """
    from unwind.simulator.episode import DOWN, OUTAGES, PEAK_FROM_AT, default_tape
    from unwind.simulator.segments import write_segments

    _claim(home)
    last_hour = PEAK_FROM_AT
    today = last_hour.replace(hour=0)
    days = [today - DAY * back for back in range(HISTORY_DAYS, 0, -1)]
    hours = [today + HOUR * place for place in range(last_hour.hour + 1)]
    landing = [
        *(("backfill_dumps", f"{day:%Y-%m-%d}", day + AFTER_THE_DAY) for day in days),
        *(("land_hour", f"{at:%Y-%m-%dT%H}", at + HOUR + AFTER_THE_HOUR) for at in hours),
    ]
    if DOWN.from_at >= days[0]:
        # Landed in its time, the hour fails; what is landed a day later does not bring it back.
        key = f"{DOWN.from_at:%Y-%m-%dT%H}"
        landing.append(("land_hour", key, DOWN.to_at + AFTER_THE_HOUR))
    landing.sort(key=lambda run: run[2])
    report("generating the market", 0, 1)
    # Imports dbt and parses the project while the market is made and landed.
    with shared_worker(home):
        with served_market(port) as server, _environment(home, server["environment"]):
            until = last_hour + HOUR
            write_segments(default_tape(), home.recorder, days[0], until, outages=OUTAGES)
            _land_all(server, landing, report)
        # The market has ended by now, so its memory is free for the build.
        with _environment(home, {}), _clock_at(landing[-1][2] + timedelta(minutes=1)):
            _refresh(home, report)
    return last_hour


def _land_all(
    server: dict[str, Any], landing: list[tuple[str, str, datetime]], report: Progress
) -> None:
    """Runs the landing DAGs' tasks, each run as (DAG, partition key, instant)."""
    from unwind.simulator.episode import DOWN

    tasks = {dag_id: _tasks(dag_id) for dag_id in ("backfill_dumps", "land_hour")}
    for place, (dag_id, key, now) in enumerate(landing):
        report(f"landing {key}", place, len(landing))
        is_down = now == DOWN.to_at + AFTER_THE_HOUR
        if is_down:
            _steer(server, {"venue": DOWN.venue, "fault": "waf"})
        for instant, names in _turns(dag_id, now, tasks[dag_id]["list_venues"]()):
            _steer(server, {"now": iso(instant)})
            with _clock_at(instant):
                _land(tasks[dag_id], key, instant, names)
        with _clock_at(now):
            tasks[dag_id]["seal"](**_run(key, now), outlet_events=_NoListeners())
        if is_down:
            _steer(server, {"heal": True})
    report("landing", len(landing), len(landing))


def _steer(server: dict[str, Any], order: dict[str, Any]) -> None:
    requests.post(f"{server['url']}/control", json=order, timeout=30).raise_for_status()


def _turns(dag_id: str, now: datetime, names: list[str]) -> list[tuple[datetime, list[str]]]:
    """When which venues of a run are landed: right after an hour, or once they have settled."""
    from unwind.venues import venues

    if dag_id != "land_hour":
        return [(now, names)]
    ready = [one for one in names if venues()[one].settling.after_end <= RIGHT_AFTER_THE_HOUR]
    first = now - AFTER_THE_HOUR + RIGHT_AFTER_THE_HOUR
    return [(first, ready), (now, [one for one in names if one not in ready])]


def _run(key: str, now: datetime) -> dict[str, Any]:
    """The context that Airflow would pass to a task of the run."""
    return {"dag_run": SimpleNamespace(partition_key=key, run_after=now), "params": {}}


def _land(tasks: dict[str, Callable[..., Any]], key: str, now: datetime, names: list[str]) -> None:
    """The landing of some venues, mapped over them as Airflow does."""
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda venue: tasks["land"](venue, **_run(key, now)), names))


def _refresh(home: Home, report: Progress) -> None:
    threading.Thread(target=gates.preload, daemon=True).start()
    tasks = _tasks("refresh_warehouse")
    phases = ("stage", "gate_landed", "build", "gate_marts", "publish", "write_page")
    for place, phase in enumerate(phases):
        report(f"refreshing: {phase}", place, len(phases))
        if phase == "publish":
            tasks[phase](outlet_events=_NoListeners())
        elif tasks[phase]() is False:
            break
    report("refreshing", len(phases), len(phases))


class _NoListeners:
    """Stands in for Airflow's outlet events, for which nothing waits here."""

    def __getitem__(self, asset: Any) -> _NoListeners:
        return self

    def add_partitions(self, keys: Any) -> None:
        """Sends no notification."""


def _tasks(dag_id: str) -> dict[str, Callable[..., Any]]:
    """A DAG's tasks as plain functions, by task id."""
    dag = getattr(importlib.import_module(dag_id), dag_id)()
    return {task_id: _function(task) for task_id, task in dag.task_dict.items()}


def _function(task: Any) -> Callable[..., Any]:
    # A mapped task keeps its function among the arguments that it is unmapped with.
    function: Callable[..., Any] | None = getattr(task, "python_callable", None)
    return function or task.partial_kwargs["python_callable"]


@contextmanager
def served_market(port: int) -> Iterator[dict[str, Any]]:
    """Serves the seed episode from a separate process, which ends with this block.

    Yields its `url` and the `environment` that points the venues' connections to it.
    """
    server = subprocess.Popen(
        [sys.executable, "-m", "unwind.simulator", "--port", str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # Ctrl-C in a terminal is for its parent alone, which ends it.
        process_group=0,
    )
    try:
        line = server.stdout.readline() if server.stdout else ""
        if not line:
            raise DemoRefusedError(
                f"the simulator did not start on 127.0.0.1:{port}: its process "
                f"{ending(server.wait())}; choose another --port where that one is taken"
            )
        served = json.loads(line)
        if "problem" in served:
            raise DemoRefusedError(served["problem"])
        yield served
    except requests.ConnectionError:
        if server.poll() is None:
            raise
        raise DemoRefusedError(
            f"the simulator has ended: its process {ending(server.returncode)}; run the demo "
            "again, it goes on where it stopped"
        ) from None
    finally:
        if server.stdin:
            server.stdin.close()
        server.wait()


def _claim(home: Home) -> None:
    if not home.is_simulated and Ledger(home).sealed():
        raise DemoRefusedError(
            f"{home.root} holds landed data; set UNWIND_HOME to an empty folder for the demo"
        )
    home.root.mkdir(parents=True, exist_ok=True)
    home.simulation_mark.write_text(
        "This warehouse is built from a simulated market (unwind demo).\n"
    )


@contextmanager
def _environment(home: Home, connections: dict[str, str]) -> Iterator[None]:
    """The venues' connections, and the DAG files, as the tasks see them."""
    added = {
        **connections,
        settings.HOME: str(home.root),
        "AIRFLOW_HOME": str(home.root / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        settings.TRACKED_INSTRUMENTS: str(TRACKED_INSTRUMENTS),
        settings.NOW: iso(utc_now()),
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
    os.environ[settings.NOW] = iso(now)
    yield
