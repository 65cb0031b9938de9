"""Airflow on this machine alone: its settings, its processes, and their end.

`airflow standalone` is not used: it serves task logs on every network interface, and a SIGTERM to
it leaves its scheduler and API server running. Its four components are started here instead, and
end with this process, however that ends.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from unwind import children
from unwind.errors import UnwindError, ending
from unwind.locks import LockedError, lock
from unwind.settings import PROJECT_ROOT, Home

LOOPBACK = "127.0.0.1"
DEFAULT_PORT = 8080
WRITER_POOL = "warehouse_writer"
DAGS = str(PROJECT_ROOT / "dags")
SCHEDULER = ("scheduler", "--skip-serve-logs")
COMPONENTS: dict[str, tuple[str, ...]] = {
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
    "api-server": ("api-server", "--host", LOOPBACK),
}
ENVIRONMENTS = {
    # The triggerer imports `unwind_triggers` by its name.
    "triggerer": {
        "PYTHONPATH": os.pathsep.join(filter(None, [DAGS, os.environ.get("PYTHONPATH")]))
    },
    "scheduler": {
        # What tasks need is loaded once (unwind.warehouse.preloading).
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT_ROOT / "plugins"),
        # Tasks are forked from it: NumPy and PyArrow would start threads when they are imported.
        "OPENBLAS_NUM_THREADS": "1",
        "JE_ARROW_MALLOC_CONF": "background_thread:false",
    },
}
# The parts of Airflow's own health report.
ALL_PARTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")
# 2026-11-27: healthy after 50 to 110 s on 2 cores, 13 to 36 s of it loading what tasks need; a cold
# disk takes twice that.
READY_WITHIN_S = 240
# The scheduler may sleep between two tasks, of which a refresh has five. 2026-11-27: idle it took
# 15% of a slow core with 0.25 s, 8% with Airflow's 1 s, 19% with 0.1 s.
IDLE_SLEEP_S = "0.25"
# `up` gives running tasks their time, twice over, before it is ended itself.
DOWN_WITHIN_S = 3 * children.STOP_WITHIN_S


class StandaloneError(UnwindError, RuntimeError):
    """Airflow could not be started or did not keep running; the text says what to do."""


@dataclass(frozen=True)
class Standalone:
    """One Airflow: where it keeps its state and where it is reached."""

    home: Home
    port: int

    @property
    def airflow_home(self) -> Path:
        """Airflow's own folder, readable by its owner alone."""
        return self.home.root / "airflow"

    @property
    def logs(self) -> Path:
        """One log file a process."""
        return self.home.logs / "airflow"

    @property
    def passwords(self) -> Path:
        """User name to password, as JSON."""
        return self.airflow_home / "passwords.json"

    @property
    def record(self) -> Path:
        """Which processes run: `up` itself first. Gone where they ended in good order."""
        return self.airflow_home / "processes.json"

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"


def up(
    home: Home,
    port: int = DEFAULT_PORT,
    companions: Mapping[str, Sequence[str]] | None = None,
    ports: Mapping[str, int] | None = None,
) -> int:
    """Runs Airflow until SIGINT, SIGTERM or a closed terminal, then ends all it started.

    `companions` are further commands to run beside it (name to argument list), such as the
    recorder, and `ports` what they listen on (option to number). Returns 0 after a signal to
    stop; raises StandaloneError when a port is taken, when preparing fails, or when a process ends
    by itself.
    """
    airflow = Standalone(home, port)
    stop = threading.Event()
    with _only_one(airflow), _stopping_on_signals(stop):
        left = _end_leftovers(airflow)
        if left:
            _print(f"Ended what a killed `unwind up` had left behind: {', '.join(left)}")
        for option, number in {"--port": port, **(ports or {})}.items():
            _require_free_port(option, number)
        leaders = [children.leader("up", os.getpid())]
        children.write_record(airflow.record, leaders)
        processes: dict[str, subprocess.Popen[bytes]] = {}

        def start(name: str, argv: Sequence[str]) -> None:
            log = airflow.logs / f"{name}.log"
            of_its_own = environment | ENVIRONMENTS.get(name, {})
            processes[name] = children.start(argv, of_its_own, log)
            leaders.append(children.leader(name, processes[name].pid))
            children.write_record(airflow.record, leaders)

        try:
            environment = prepare(airflow, stop)
            if not stop.is_set():
                _print(f"Airflow is starting; the logs of its processes are in {airflow.logs}")
                for name, arguments in COMPONENTS.items():
                    start(name, _airflow_command(*arguments))
                for name, argv in (companions or {}).items():
                    start(name, argv)
            # A task that starts before the API server answers fails permanently.
            if _wait_until_healthy(("metadatabase",), airflow, processes, stop):
                start("scheduler", _airflow_command(*SCHEDULER))
            if _wait_until_healthy(ALL_PARTS, airflow, processes, stop):
                _print(f"Airflow is ready at {airflow.url}: log in as admin with the password")
                _print(f"in {airflow.passwords}. Stop with Ctrl-C, or with `unwind down`.")
            while not stop.wait(1):
                _check_alive(processes, airflow.logs)
        finally:
            if processes:
                tasks = f"running tasks have {children.STOP_WITHIN_S} seconds to end"
                _print(f"Stopping Airflow; {tasks}")
            # The API server goes last: running tasks report their end to it.
            api_server = processes.pop("api-server", None)
            children.end(processes.values())
            children.end([api_server] if api_server else [])
            airflow.record.unlink(missing_ok=True)
    _print("Airflow has stopped; what was landed and published stays.")
    return 0


def down(home: Home) -> bool:
    """Stops the processes of `up` for this home, also leftover ones; False where none runs.

    Raises StandaloneError where its process cannot be reached from here.
    """
    airflow = Standalone(home, DEFAULT_PORT)
    running = _running(airflow)
    if running is None:
        if _is_held(airflow):
            raise StandaloneError(
                f"Airflow of {home.root} runs where its process cannot be seen from here, such as "
                "in a container; stop it there"
            )
        return bool(_end_leftovers(airflow))
    _print(
        f"Stopping `unwind up` (process {running.pid}); running tasks have "
        f"{children.STOP_WITHIN_S} seconds to end"
    )
    try:
        os.kill(running.pid, signal.SIGTERM)
    except PermissionError:
        raise StandaloneError(
            f"process {running.pid} belongs to another user; stop it as that one"
        ) from None
    deadline = time.monotonic() + DOWN_WITHIN_S
    while running.is_alive() and time.monotonic() < deadline:
        time.sleep(0.2)
    if running.is_alive():
        os.kill(running.pid, signal.SIGKILL)
    _end_leftovers(airflow)
    return True


def prepare(airflow: Standalone, stop: threading.Event | None = None) -> dict[str, str]:
    """Makes Airflow's folder, secrets, login, tables and pool; returns its environment.

    Safe to repeat: what is there is kept.
    """
    if not (PROJECT_ROOT / "dags" / "land_hour.py").exists():
        raise StandaloneError(
            f"there are no DAGs in {PROJECT_ROOT / 'dags'}; install the project in place, with "
            "`pip install --no-deps -e .` in its folder"
        )
    airflow.airflow_home.mkdir(parents=True, exist_ok=True)
    airflow.airflow_home.chmod(0o700)
    airflow.logs.mkdir(parents=True, exist_ok=True)
    _kept_json(airflow.passwords, lambda: {"admin": secrets.token_urlsafe(16)})
    environment = os.environ | settings(airflow)
    for arguments in (
        ("db", "migrate"),
        ("pools", "set", WRITER_POOL, "1", "the warehouse's one writer"),
    ):
        _run_to_end(arguments, environment, airflow.logs, stop or threading.Event())
    return environment


def settings(airflow: Standalone) -> dict[str, str]:
    """Airflow's configuration, all of it by environment; makes the secrets when there are none."""
    keys = _kept_json(airflow.airflow_home / "secrets.json", _new_secrets)
    root = airflow.airflow_home
    return {
        "UNWIND_HOME": str(airflow.home.root),
        # dbt and other commands are next to the running Python.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "AIRFLOW_HOME": str(root),
        "AIRFLOW__CORE__DAGS_FOLDER": DAGS,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "8",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": IDLE_SLEEP_S,
        "AIRFLOW__CORE__FERNET_KEY": keys["fernet_key"],
        "AIRFLOW__CORE__AUTH_MANAGER": (
            "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
        ),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(airflow.passwords),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{airflow.url}/execution/",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{root / 'airflow.db'}",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(root / "logs"),
        "AIRFLOW__API__HOST": LOOPBACK,
        "AIRFLOW__API__PORT": str(airflow.port),
        "AIRFLOW__API__BASE_URL": airflow.url,
        "AIRFLOW__API__SECRET_KEY": keys["api_secret_key"],
        "AIRFLOW__API_AUTH__JWT_SECRET": keys["jwt_secret"],
        "DO_NOT_TRACK": "1",
        "GX_ANALYTICS_ENABLED": "false",
    }


def _new_secrets() -> dict[str, str]:
    return {
        # Airflow warns below 64 bytes.
        "jwt_secret": secrets.token_urlsafe(64),
        "api_secret_key": secrets.token_urlsafe(32),
        "fernet_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    }


def _kept_json(path: Path, make: Callable[[], dict[str, str]]) -> dict[str, str]:
    """What the file holds; made once, readable by its owner alone from its first byte on."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return dict(json.loads(path.read_text()))
    with os.fdopen(descriptor, "w") as file:
        json.dump(make(), file)
    return dict(json.loads(path.read_text()))


@contextmanager
def _only_one(airflow: Standalone) -> Iterator[None]:
    """Holds the home's Airflow; two would share one metadata database."""
    airflow.airflow_home.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        try:
            held.enter_context(lock(airflow.airflow_home / ".lock"))
        except LockedError:
            running = _running(airflow)
            who = f" (process {running.pid})" if running else ""
            raise StandaloneError(
                f"Airflow is running already for {airflow.home.root}{who}; `unwind down` stops it, "
                "or set UNWIND_HOME to another folder"
            ) from None
        yield


def _is_held(airflow: Standalone) -> bool:
    if not airflow.airflow_home.exists():
        return False
    try:
        with _only_one(airflow):
            return False
    except StandaloneError:
        return True


def _running(airflow: Standalone) -> children.Leader | None:
    """The `up` of this home, where it runs."""
    record = children.read_record(airflow.record)
    return next((one for one in record if one.name == "up" and one.is_alive()), None)


def _end_leftovers(airflow: Standalone) -> list[str]:
    """Ends the processes that a killed `up` has left; returns their names."""
    record = [one for one in children.read_record(airflow.record) if one.name != "up"]
    sessions = {one.pid for one in record if one.may_have_left_others()}
    ended = children.end_sessions(sessions, children.STOP_WITHIN_S) if sessions else []
    airflow.record.unlink(missing_ok=True)
    return sorted(set(ended))


@contextmanager
def _stopping_on_signals(stop: threading.Event) -> Iterator[None]:
    former = {
        number: signal.signal(number, lambda *_: stop.set())
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        # nohup ignores a closed terminal, and so does this.
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _require_free_port(option: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except (OSError, OverflowError) as error:
            raise StandaloneError(
                f"port {port} on {LOOPBACK} is taken ({getattr(error, 'strerror', error)}); stop "
                f"what uses it, or choose another with {option}"
            ) from error


def _airflow_command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "airflow", *arguments]


def _run_to_end(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    logs: Path,
    stop: threading.Event,
) -> None:
    """Runs an Airflow command; on a signal to stop, ends it."""
    if stop.is_set():
        return
    log = logs / "prepare.log"
    process = children.start(_airflow_command(*arguments), environment, log)
    while process.poll() is None:
        if stop.wait(0.1):
            children.end([process])
            return
    if process.returncode:
        raise StandaloneError(
            f"`airflow {' '.join(arguments)}` failed: its process {ending(process.returncode)}; "
            f"{log} says why"
        )


def _wait_until_healthy(
    parts: Sequence[str],
    airflow: Standalone,
    processes: Mapping[str, subprocess.Popen[bytes]],
    stop: threading.Event,
) -> bool:
    """True once Airflow reports these parts healthy; False on a signal to stop before that."""
    deadline = time.monotonic() + READY_WITHIN_S
    while not stop.wait(1):
        _check_alive(processes, airflow.logs)
        unhealthy = unhealthy_parts(airflow.url, parts)
        if not unhealthy:
            return True
        if time.monotonic() > deadline:
            raise StandaloneError(
                f"Airflow is not healthy after {READY_WITHIN_S} s (waiting for "
                f"{', '.join(unhealthy)}); the logs in {airflow.logs} say why"
            )
    return False


def unhealthy_parts(url: str, parts: Sequence[str] = ALL_PARTS) -> list[str]:
    """The parts that Airflow's health report does not call healthy; empty when all are."""
    try:
        # Our own, on loopback.
        with urllib.request.urlopen(f"{url}/api/v2/monitor/health", timeout=5) as answer:  # noqa: S310
            report = json.load(answer)
    except (OSError, ValueError):
        return ["api-server"]
    return [part for part in parts if (report.get(part) or {}).get("status") != "healthy"]


def _check_alive(processes: Mapping[str, subprocess.Popen[bytes]], logs: Path) -> None:
    for name, process in processes.items():
        if process.poll() is not None:
            raise StandaloneError(
                f"{name} {ending(process.returncode)}, by itself; {logs / f'{name}.log'} says why"
            )


def _print(sentence: str) -> None:
    # The terminal may be closed, which must not stop the rest.
    with suppress(OSError):
        print(sentence, flush=True)
