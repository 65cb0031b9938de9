"""The services of docker-compose's profile `celery` as processes on loopback, without containers.

Their commands and environments are those of the file; folders and addresses are this machine's.
"""

from __future__ import annotations

import base64
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import yaml
from tests.benchmarks.airflow import Api
from tests.dags.composing import PROJECT, SECRETS, docker_compose
from tests.private_postgres import ADMIN, private_postgres

from unwind import children
from unwind.settings import Home
from unwind.standalone import LOOPBACK, Standalone, unhealthy_parts

# Past this something hangs; other work may keep the machine busy.
WITHIN_S = 1200
LOOK_EVERY_S = 0.2
BROKER = "of-the-broker"
# In the order of their start, with what Airflow's health report then has.
PARTS = {
    "api-server": ("metadatabase",),
    "dag-processor": ("metadatabase", "dag_processor"),
    "scheduler": ("metadatabase", "scheduler"),
}
# `airflow`, with builds that are divided however small they are. Tasks are forks of a worker.
AIRFLOW = """
from airflow.__main__ import main
from unwind.warehouse import units
units.MIN_ROWS = 1
main()
"""


class Cluster:
    """Airflow with CeleryExecutor for one home, and the processes of it."""

    def __init__(
        self, home: Home, folder: Path, postgres: Path, settings: Mapping[str, str]
    ) -> None:
        self.airflow = Standalone(home, _free_port())
        self._folder = folder
        self._settings = settings
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._broker_port = _free_port()
        asked = SECRETS | {
            "UNWIND_STAGE": "celery",
            "UNWIND_WORKERS": "2",
            "UNWIND_PORT": str(self.airflow.port),
            "UNWIND_REDIS_PASSWORD": BROKER,
            "UNWIND_FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            # Airflow warns below 64 bytes.
            "UNWIND_JWT_SECRET": secrets.token_urlsafe(64),
        }
        shown = docker_compose(folder, asked, "--profile", "celery", "config")
        assert shown.returncode == 0, shown.stderr
        text = shown.stdout
        for of_containers, here in {
            "/opt/unwind": str(PROJECT),
            "/var/lib/unwind": str(home.root),
            "@redis:6379": f"@{LOOPBACK}:{self._broker_port}",
            "http://api-server:8080": self.airflow.url,
        }.items():
            text = text.replace(of_containers, here)
        self._services = yaml.safe_load(text)["services"]
        self._database = f"postgresql+psycopg2://{ADMIN}:{ADMIN}@/postgres?host={postgres}"

    def start(self, name: str, service: str, *options: str) -> None:
        """Starts a service as the image starts it, with further options of Airflow's command."""
        words = [one.replace("$$", "$") for one in self._services[service]["command"]]
        if words[0] not in ("bash", "sh"):
            words = [sys.executable, "-c", AIRFLOW, *words, *options]
        # No other command of it has a server.
        words[-1] = words[-1].replace(
            "redis-server", f"redis-server --bind {LOOPBACK} --port {self._broker_port}"
        )
        log = self._folder / f"{name}.log"
        self._processes[name] = children.start(words, self._environment(name, service), log)

    def start_worker(self, name: str, queues: str) -> None:
        """Starts a worker that runs one task at a time."""
        one_task = ("--queues", queues, "--concurrency", "1")
        self.start(name, "worker", *one_task, "--celery-hostname", f"{name}@%h")

    def started_by(self, name: str) -> set[int]:
        """The ids of all processes below one."""
        started = psutil.Process(self._processes[name].pid).children(recursive=True)
        return {one.pid for one in started}

    def is_healthy(self, parts: Sequence[str]) -> bool:
        """Whether Airflow's own report says so of these parts."""
        return not unhealthy_parts(self.airflow.url, parts)

    def api(self) -> Api | None:
        """Airflow's API, once the DAG files have been read."""
        api = Api(self.airflow)
        return api if "sealed_batches" in api.assets else None

    def run_to_end(self, service: str) -> None:
        """Runs a service that ends by itself."""
        self.start(service, service)
        ended = self._processes.pop(service).wait(WITHIN_S)
        assert ended == 0, self._log_of(service)

    def kill(self, name: str) -> None:
        """Kills a process and all that it has started, as if their machine were switched off."""
        process = self._processes.pop(name)
        parent = psutil.Process(process.pid)
        # What is stopped starts nothing more.
        for one in (parent, *parent.children(recursive=True)):
            one.suspend()
        for one in (parent, *parent.children(recursive=True)):
            one.kill()
        process.wait()

    def until(self, look: Callable[[], Any], what: str) -> Any:
        """What `look` finds, once it does; fails when a process ends before."""
        deadline = time.monotonic() + WITHIN_S
        while not (found := look()):
            for name, process in self._processes.items():
                assert process.poll() is None, self._log_of(name)
            assert time.monotonic() < deadline, f"not within {WITHIN_S} s: {what}"
            time.sleep(LOOK_EVERY_S)
        return found

    def end(self) -> None:
        """Ends every process; the API server and the broker, which others report to, come last."""
        for names in (set(self._processes) - {"api-server", "redis"}, set(self._processes)):
            children.end([self._processes.pop(name) for name in names if name in self._processes])

    def _environment(self, name: str, service: str) -> dict[str, str]:
        inherited = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("AIRFLOW", "UNWIND"))
        }
        stated = self._services[service]["environment"]
        # A container's own folder.
        airflow_home = self._folder / f"airflow-of-{name}"
        airflow_home.mkdir()
        return (
            inherited
            | {key: value or "" for key, value in stated.items()}
            | {
                "AIRFLOW_HOME": str(airflow_home),
                "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
                "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": self._database,
                "AIRFLOW__API__HOST": LOOPBACK,
                "AIRFLOW__API__PORT": str(self.airflow.port),
                # Its port is fixed; what the scheduler does is seen by the tasks.
                "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "False",
                # Only the refresh is to run: landing would ask venues.
                "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
                **self._settings,
                # dbt and other commands are next to the running Python.
                "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            }
        )

    def _log_of(self, name: str) -> str:
        return f"{name} has ended: {(self._folder / f'{name}.log').read_text()[-5000:]}"


@contextmanager
def airflow_with_celery(
    home: Home, folder: Path, settings: Mapping[str, str]
) -> Iterator[tuple[Cluster, Api]]:
    """Starts everything but workers, and ends it; `settings` are further variables of all."""
    with private_postgres() as (postgres, _):
        cluster = Cluster(home, folder, postgres, settings)
        try:
            cluster.start("redis", "redis")
            cluster.run_to_end("airflow-init")
            for name, parts in PARTS.items():
                cluster.start(name, name)
                # A task that starts before the API server is up fails permanently.
                cluster.until(partial(cluster.is_healthy, parts), f"{name} is healthy")
            api = cluster.until(cluster.api, "the DAGs are read")
            yield cluster, api
        finally:
            cluster.end()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]
