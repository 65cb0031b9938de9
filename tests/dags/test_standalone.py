"""`unwind up`: what it keeps, what it refuses, and that nothing of it stays behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time

import psutil
import pytest

from unwind import standalone
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


def test_the_triggerer_alone_imports_from_the_folder_of_dags(tmp_path, monkeypatch):
    given = {}
    monkeypatch.setattr(standalone, "prepare", lambda airflow: dict(os.environ))

    def refuse_the_third(name, argv, environment, logs):
        given[name] = environment.get("PYTHONPATH", "")
        if len(given) == 3:
            raise StandaloneError("enough")
        return subprocess.Popen([sys.executable, "-c", ""])

    monkeypatch.setattr(standalone, "_start", refuse_the_third)
    with pytest.raises(StandaloneError, match="enough"):
        standalone.up(Home(tmp_path), port=1)
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
    monkeypatch.setattr(
        standalone, "_run_to_end", lambda arguments, environment, logs: ran.append(arguments)
    )
    monkeypatch.setattr(standalone, "_require_free_port", lambda airflow: None)
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
    with pytest.raises(StandaloneError, match=r"`airflow db migrate` failed .*prepare.log says"):
        standalone._run_to_end(("db", "migrate"), os.environ, airflow.logs)
    assert "the disk is full" in (airflow.logs / "prepare.log").read_text()


def test_ending_reaches_what_left_its_parents_process_group(tmp_path):
    """Airflow's tasks lead process groups of their own, and outlive a scheduler that is killed."""
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

    standalone.end([leader])

    assert not psutil.pid_exists(grandchild) or (
        psutil.Process(grandchild).status() == psutil.STATUS_ZOMBIE
    )


def test_up_ends_everything_when_one_part_dies(tmp_path, monkeypatch):
    monkeypatch.setattr(standalone, "prepare", lambda airflow: dict(os.environ))
    (tmp_path / "logs" / "airflow").mkdir(parents=True)
    sleeping = [sys.executable, "-c", "import time; time.sleep(60)"]
    monkeypatch.setattr(standalone, "COMPONENTS", {"triggerer": ("triggerer",)})
    monkeypatch.setattr(standalone, "_airflow_command", lambda *arguments: sleeping)
    started = []
    start = standalone._start
    monkeypatch.setattr(
        standalone, "_start", lambda *given: started.append(start(*given)) or started[-1]
    )
    with pytest.raises(StandaloneError, match="recorder ended by itself with exit code 3"):
        standalone.up(
            Home(tmp_path),
            port=1,
            companions={"recorder": [sys.executable, "-c", "raise SystemExit(3)"]},
        )
    assert [process.poll() for process in started] == [-signal.SIGTERM, 3]


def test_up_returns_zero_after_sigterm(tmp_path):
    """In a process of its own, with stand-ins for Airflow's components."""
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from unwind import standalone\n"
        "from unwind.settings import Home\n"
        f"home = Home(Path({str(tmp_path)!r}))\n"
        "(home.logs / 'airflow').mkdir(parents=True)\n"
        "standalone.prepare = lambda airflow: dict(os.environ)\n"
        "standalone._airflow_command = lambda *arguments: ["
        "sys.executable, '-c', 'import time; time.sleep(60)']\n"
        "sys.exit(standalone.up(home, port=1))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("Airflow is starting")
    started = time.monotonic()
    process.terminate()
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Stopping Airflow" in output
    assert time.monotonic() - started < 10
