"""`unwind up`: the state it keeps, what it refuses, and that it leaves no process behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from dataclasses import replace

import psutil
import pytest

from unwind import children, standalone
from unwind.settings import Home
from unwind.standalone import Standalone, StandaloneError


@pytest.fixture
def airflow(tmp_path):
    made = Standalone(Home(tmp_path), port=8080)
    made.airflow_home.mkdir()
    return made


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_airflow_keeps_its_state_in_the_home(airflow, tmp_path):
    settings = standalone.settings(airflow)
    assert settings["AIRFLOW_HOME"] == str(tmp_path / "airflow")
    assert settings["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == (
        f"sqlite:///{tmp_path}/airflow/airflow.db"
    )


def test_airflow_listens_on_loopback_and_asks_for_a_password(airflow):
    settings = standalone.settings(airflow)
    assert settings["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert settings["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS"] == "False"
    assert "--skip-serve-logs" in standalone.SCHEDULER
    assert "--skip-serve-logs" in standalone.COMPONENTS["triggerer"]


def test_only_the_triggerer_imports_from_the_dags_folder(tmp_path, monkeypatch):
    given = {}
    monkeypatch.setattr(standalone, "prepare", lambda *_: dict(os.environ))

    def refuse_the_third(argv, environment, log):
        given[log.stem] = environment.get("PYTHONPATH", "")
        if len(given) == 3:
            raise StandaloneError("enough")
        return subprocess.Popen([sys.executable, "-c", ""])

    monkeypatch.setattr(children, "start", refuse_the_third)
    with pytest.raises(StandaloneError, match="enough"):
        standalone.up(Home(tmp_path), port=0)
    dags = str(standalone.PROJECT_ROOT / "dags")
    assert {name for name, path in given.items() if dags in path} == {"triggerer"}


def test_secrets_are_made_once_and_for_the_owner_alone(airflow):
    first = standalone.settings(airflow)
    assert len(first["AIRFLOW__API_AUTH__JWT_SECRET"]) >= 64
    assert mode_of(airflow.airflow_home / "secrets.json") == 0o600
    assert standalone.settings(airflow) == first


def test_two_homes_have_different_secrets(airflow, tmp_path):
    other = Standalone(Home(tmp_path / "other"), port=8080)
    other.airflow_home.mkdir(parents=True)
    assert (
        standalone.settings(airflow)["AIRFLOW__API_AUTH__JWT_SECRET"]
        != standalone.settings(other)["AIRFLOW__API_AUTH__JWT_SECRET"]
    )


def test_preparing_makes_a_login_the_tables_and_the_writers_pool(airflow, monkeypatch):
    ran = []
    monkeypatch.setattr(standalone, "_run_to_end", lambda arguments, *rest: ran.append(arguments))
    standalone.prepare(airflow)
    assert ran == [
        ("db", "migrate"),
        ("pools", "set", "warehouse_writer", "1", "the warehouse's one writer"),
    ]
    assert list(json.loads(airflow.passwords.read_text())) == ["admin"]
    assert mode_of(airflow.passwords) == 0o600
    assert mode_of(airflow.airflow_home) == 0o700


def test_a_taken_port_is_named_before_anything_starts(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StandaloneError, match=f"port {port} on 127.0.0.1 is taken"):
            standalone.up(Home(tmp_path), port=port)


def test_a_second_airflow_for_one_home_is_refused(airflow):
    with (
        standalone._only_one(airflow),
        pytest.raises(StandaloneError, match="running already"),
        standalone._only_one(airflow),
    ):
        pass


def test_a_preparation_that_fails_names_its_log(airflow, monkeypatch):
    airflow.logs.mkdir(parents=True)
    failing = [sys.executable, "-c", "raise SystemExit('the disk is full')"]
    monkeypatch.setattr(standalone, "_airflow_command", lambda *arguments: failing)
    with pytest.raises(StandaloneError, match=r"`airflow db migrate` failed: .*prepare.log says"):
        standalone._run_to_end(("db", "migrate"), os.environ, airflow.logs, threading.Event())
    assert "the disk is full" in (airflow.logs / "prepare.log").read_text()


def test_stopping_reaches_processes_that_left_their_parents_group(tmp_path):
    """Airflow's tasks run in their own process groups, and survive a killed scheduler."""
    note = tmp_path / "grandchild"
    code = (
        "import os, signal, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'],"
        " process_group=0)\n"
        f"open({str(note)!r}, 'w').write(str(child.pid))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    leader = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    leader.wait(10)
    grandchild = int(note.read_text())
    assert psutil.pid_exists(grandchild)

    children.end([leader])

    assert not psutil.pid_exists(grandchild) or (
        psutil.Process(grandchild).status() == psutil.STATUS_ZOMBIE
    )


def test_a_process_whose_id_another_had_is_ended(tmp_path):
    """`up` runs for weeks: by then, an id that it looked at when it started is another's."""
    sleeping = [sys.executable, "-c", "import time; time.sleep(60)"]
    child = children.start(sleeping, {}, tmp_path / "log")
    [known] = [one for one in psutil.process_iter() if one.pid == child.pid]
    # What psutil keeps of an id that has passed to another process; it refuses to signal that one.
    known._pid_reused = True
    children.end_sessions({child.pid}, patience_s=5)
    assert not alive([child.pid])


def test_up_ends_everything_when_one_part_dies(tmp_path, monkeypatch):
    monkeypatch.setattr(standalone, "prepare", lambda *_: dict(os.environ))
    (tmp_path / "logs" / "airflow").mkdir(parents=True)
    sleeping = [sys.executable, "-c", "import time; time.sleep(60)"]
    monkeypatch.setattr(standalone, "COMPONENTS", {"triggerer": ("triggerer",)})
    monkeypatch.setattr(standalone, "_airflow_command", lambda *arguments: sleeping)
    started = []
    start = children.start
    monkeypatch.setattr(
        children, "start", lambda *given: started.append(start(*given)) or started[-1]
    )
    with pytest.raises(StandaloneError, match="recorder ended with exit code 3, by itself"):
        standalone.up(
            Home(tmp_path),
            port=0,
            companions={"recorder": [sys.executable, "-c", "raise SystemExit(3)"]},
        )
    assert [process.poll() for process in started] == [-signal.SIGTERM, 3]


# `up` with stand-ins for Airflow's components. Each starts a child as the scheduler starts tasks:
# in its own process group, ignoring SIGTERM, and surviving its parent.
STAND_IN = """
import os, subprocess, sys, time
from pathlib import Path
deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(120)"
child = subprocess.Popen([sys.executable, "-c", deaf], process_group=0)
Path(sys.argv[1], f"{os.getpid()}-{child.pid}").touch()
time.sleep(120)
"""
UP = f"""
import os, sys
from pathlib import Path
from unwind import children, standalone
from unwind.settings import Home
home, notes = Home(Path(sys.argv[1])), sys.argv[2]
(home.logs / "airflow").mkdir(parents=True, exist_ok=True)
children.STOP_WITHIN_S = 1
children.KILL_AFTER_S = 1
standalone.prepare = lambda *_: dict(os.environ)
standalone._airflow_command = lambda *_: [sys.executable, "-c", {STAND_IN!r}, notes]
sys.exit(standalone.up(home, port=0))
"""


def listening_to_signals():
    """As in a terminal; a shell that runs tests in the background makes children ignore these."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def running_up(home, notes):
    """`up` in a separate process with its three components running and recorded; their and their
    tasks' pids."""
    notes.mkdir(exist_ok=True)
    before = len(list(notes.iterdir()))
    process = subprocess.Popen(
        [sys.executable, "-c", UP, str(home), str(notes)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=listening_to_signals,
    )
    deadline = time.monotonic() + 30
    record = Standalone(Home(home), port=0).record
    while len(list(notes.iterdir())) < before + 3 or len(children.read_record(record)) < 4:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    return process, [int(pid) for note in notes.iterdir() for pid in note.name.split("-")]


def alive(pids):
    return [
        pid
        for pid in pids
        if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    ]


def gone_within(seconds, pids):
    deadline = time.monotonic() + seconds
    while alive(pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    return alive(pids) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_up_ends_all_its_processes_on_a_signal(tmp_path, number):
    process, pids = running_up(tmp_path / "home", tmp_path / "notes")
    assert len(alive(pids)) == 6
    process.send_signal(number)
    output, _ = process.communicate(timeout=30)
    assert (process.returncode, alive(pids)) == (0, [])
    assert "Stopping Airflow" in output
    assert not (tmp_path / "home" / "airflow" / "processes.json").exists()


def test_the_next_up_ends_what_a_killed_one_left(tmp_path):
    home, notes = tmp_path / "home", tmp_path / "notes"
    killed, left = running_up(home, notes)
    killed.kill()
    killed.wait()
    components = [int(note.name.split("-")[0]) for note in notes.iterdir()]
    # The kernel ends the components with their parent; their tasks survive.
    assert gone_within(10, components)
    assert len(alive(left)) == 3
    again, pids = running_up(home, notes)
    assert alive(left) == []
    again.terminate()
    output, _ = again.communicate(timeout=30)
    assert "Ended what a killed `unwind up` had left behind: python" in output
    assert alive(pids) == []


def test_down_ends_what_runs_and_what_a_killed_up_left(tmp_path, monkeypatch):
    monkeypatch.setattr(children, "STOP_WITHIN_S", 1)
    home, notes = tmp_path / "home", tmp_path / "notes"
    process, pids = running_up(home, notes)
    with pytest.raises(StandaloneError, match=rf"running already .*\(process {process.pid}\)"):
        standalone.up(Home(home), port=0)
    assert standalone.down(Home(home)) is True
    assert (process.wait(10), alive(pids)) == (0, [])
    assert standalone.down(Home(home)) is False
    killed, left = running_up(home, notes)
    killed.kill()
    killed.wait()
    assert standalone.down(Home(home)) is True
    assert alive(left) == []


def test_down_spares_other_processes_that_reuse_the_ids(tmp_path):
    airflow = Standalone(Home(tmp_path), port=0)
    airflow.airflow_home.mkdir()
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        known = children.leader("scheduler", stranger.pid)
        for other in (
            replace(known, started_at=known.started_at - 60),
            replace(known, boot="before the last start of the machine"),
        ):
            children.write_record(airflow.record, [replace(other, name="up"), other])
            assert standalone.down(Home(tmp_path)) is False
            assert stranger.poll() is None
    finally:
        stranger.communicate(b"\n")


def test_a_taken_port_of_the_recorder_is_named_before_anything_starts(tmp_path, monkeypatch):
    monkeypatch.setattr(standalone, "prepare", lambda *_: pytest.fail("it was prepared"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StandaloneError, match=f"port {port} .* another with --health-port"):
            standalone.up(Home(tmp_path), port=0, ports={"--health-port": port})
