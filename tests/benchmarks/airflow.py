"""Hours under `unwind up`: announcement to release, and landing to release, against commands."""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import requests

from tests.benchmarks.made_hours import land_hour
from tests.benchmarks.report import Report
from unwind.clock import HOUR, iso, utc_now
from unwind.demo import TRACKED_INSTRUMENTS
from unwind.settings import Home
from unwind.simulator.episode import calm_tape
from unwind.simulator.segments import write_segments
from unwind.simulator.server import Simulator
from unwind.standalone import LOOPBACK, READY_WITHIN_S, Standalone, unhealthy_parts

EVENTS_PER_HOUR = 500
WARM_UP_HOURS = 2
HOURS, LANDINGS = 5, 3
# Past this something hangs.
RELEASED_WITHIN_S = 300
LOOK_EVERY_S = 0.02
# Hours before the current one: settled at every venue, so that landing asks once.
LANDED_FROM, MADE_FROM = 24, 60
UNWIND = (sys.executable, "-m", "unwind.cli")
# `unwind up` without the recorder and the page, with no DAG starting by itself.
UP = """
import sys
from unwind import standalone
from unwind.settings import Home
stated = standalone.settings
paused = {"AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True"}
standalone.settings = lambda airflow: stated(airflow) | paused
sys.exit(standalone.up(Home.from_env(), int(sys.argv[1])))
"""


def airflow(report: Report, folder: Path, hours: int = HOURS, landings: int = LANDINGS) -> None:
    """Notes the median seconds to a release: by command, under Airflow, and without preloading."""
    home = Home(folder / "home")
    this_hour = utc_now().replace(minute=0, second=0, microsecond=0)
    tape = calm_tape(this_hour - 72 * HOUR, this_hour + 12 * HOUR)
    made = (this_hour - place * HOUR for place in range(MADE_FROM, LANDED_FROM, -1))
    landed = (this_hour - place * HOUR for place in range(LANDED_FROM, 1, -1))
    write_segments(tape, home.recorder, this_hour - LANDED_FROM * HOUR, this_hour)
    for _ in range(WARM_UP_HOURS):
        land_hour(home, next(made), EVENTS_PER_HOUR)
    seconds: dict[str, tuple[list[float], list[float]]] = {}
    with Simulator(tape) as server:
        environment = {
            **os.environ,
            **server.environment(),
            "UNWIND_TRACKED_INSTRUMENTS": str(TRACKED_INSTRUMENTS),
            "UNWIND_HOME": str(home.root),
        }

        def refresh() -> None:
            _run("refresh", environment=environment)

        def land_and_refresh() -> None:
            _run("land", "--hour", f"{next(landed):%Y-%m-%dT%H}", environment=environment)
            refresh()

        def made_hour(begin: Callable[[], None], wait: Callable[[], object] = bool) -> float:
            wait()
            land_hour(home, next(made), EVENTS_PER_HOUR)
            return _until_released(home, begin)

        def hour_to_land(begin: Callable[[], None], wait: Callable[[], object] = bool) -> float:
            wait()
            now = {"now": iso(utc_now())}
            requests.post(f"{server.url}/control", json=now, timeout=30).raise_for_status()
            return _until_released(home, begin)

        refresh()
        # The ones beside the others: hours of all venues, which are landed, make a fuller home.
        by_command = [made_hour(refresh) for _ in range(hours)]
        for name, preload in (("under Airflow", "on"), ("without preloading", "off")):
            with _running(home, {**environment, "UNWIND_PRELOAD": preload}) as api:

                def trigger_landing(api: Api = api) -> None:
                    api.trigger_landing(next(landed))

                seconds[name] = (
                    [made_hour(api.announce, api.wait_until_idle) for _ in range(hours)],
                    [hour_to_land(trigger_landing, api.wait_until_idle) for _ in range(landings)],
                )
        landed_by_command = [hour_to_land(land_and_refresh) for _ in range(landings)]
        seconds["by command, cold"] = by_command, landed_by_command
    cold = [statistics.median(column) for column in seconds["by command, cold"]]
    for way, of_way in seconds.items():
        _note(report, way, of_way, cold)


def _note(
    report: Report, way: str, seconds: tuple[list[float], list[float]], cold: list[float]
) -> None:
    for what, column, base in zip(("announced hour", "hour to land"), seconds, cold, strict=True):
        median = statistics.median(column)
        report.note(
            f"{what}, {way}",
            median_seconds=median,
            times_command=median / base,
            each_seconds=column,
        )


def _run(*arguments: str, environment: Mapping[str, str]) -> None:
    subprocess.run([*UNWIND, *arguments], env=environment, check=True, stdout=subprocess.DEVNULL)


def _until_released(home: Home, begin: Callable[[], None]) -> float:
    """Seconds from `begin`, which may return at once, to the release, by the time of its link."""
    before = _current(home)
    started_at = time.time()
    begin()
    while (now := _current(home)) == before:
        if time.time() - started_at > RELEASED_WITHIN_S:
            raise RuntimeError(f"no release within {RELEASED_WITHIN_S} s")
        time.sleep(LOOK_EVERY_S)
    return now[1] - started_at


def _current(home: Home) -> tuple[str, float]:
    """The newest release, and when it was swapped in (seconds since 1970)."""
    with suppress(FileNotFoundError):
        return home.current.readlink().name, home.current.lstat().st_mtime
    return "", 0.0


class Api:
    """Airflow's own API, logged in to."""

    def __init__(self, airflow: Standalone) -> None:
        self._url = airflow.url
        password = json.loads(airflow.passwords.read_text())["admin"]
        login = {"username": "admin", "password": password}
        token = requests.post(f"{self._url}/auth/token", json=login, timeout=30)
        token.raise_for_status()
        self._headers = {"Authorization": f"Bearer {token.json()['access_token']}"}
        self.assets = {one["name"]: one["id"] for one in self.call("get", "assets")["assets"]}

    def call(self, method: str, path: str, body: object = None) -> Any:
        """The answer of the API to a request."""
        url = f"{self._url}/api/v2/{path}"
        answer = requests.request(method, url, json=body, headers=self._headers, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def announce(self) -> None:
        """Announces a sealed batch, with the event that a DAG's task would leave."""
        event = {"asset_id": self.assets["sealed_batches"], "partition_key": "sweep"}
        self.call("post", "assets/events", event)

    def trigger_landing(self, hour_at: datetime) -> None:
        """Triggers the landing of an hour."""
        conf = {"hour": f"{hour_at:%Y-%m-%dT%H}"}
        self.call("post", "dags/land_hour/dagRuns", {"logical_date": None, "conf": conf})

    def wait_until_idle(self) -> None:
        """Waits until no run of a DAG is left."""
        path = "dags/~/dagRuns?state=running&state=queued&limit=1"
        deadline = time.monotonic() + RELEASED_WITHIN_S
        while self.call("get", path)["total_entries"]:
            if time.monotonic() > deadline:
                raise RuntimeError(f"a run has not ended within {RELEASED_WITHIN_S} s")
            time.sleep(0.5)


@contextmanager
def _running(home: Home, environment: Mapping[str, str]) -> Iterator[Api]:
    """An Airflow that refreshes, and lands what it is told to."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port = probe.getsockname()[1]
    airflow = Standalone(home, port)
    up = subprocess.Popen([sys.executable, "-c", UP, str(port)], env=dict(environment))
    try:
        deadline = time.monotonic() + READY_WITHIN_S
        while unhealthy_parts(airflow.url):
            if up.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("Airflow is not ready")
            time.sleep(1)
        api = Api(airflow)
        for dag_id in ("refresh_warehouse", "land_hour"):
            api.call("patch", f"dags/{dag_id}", {"is_paused": False})
        # The DAGs may start a run of their own.
        time.sleep(3)
        api.wait_until_idle()
        yield api
        api.wait_until_idle()
    finally:
        up.terminate()
        up.wait()
