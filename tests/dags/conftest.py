"""A separate Airflow for these tests, and venues that are all unreachable."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import tempfile
from pathlib import Path

import pytest
import yaml
from tests.dags.composing import SECRETS, docker_compose

DAGS = Path(__file__).resolve().parents[2] / "dags"

# Airflow reads its settings on first import.
AIRFLOW_HOME = Path(tempfile.mkdtemp(prefix="unwind-airflow-"))
atexit.register(shutil.rmtree, AIRFLOW_HOME, ignore_errors=True)
os.environ |= {
    "AIRFLOW_HOME": str(AIRFLOW_HOME),
    "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{AIRFLOW_HOME / 'airflow.db'}",
    "AIRFLOW__API_AUTH__JWT_SECRET": "for these tests alone, " * 4,
}


@pytest.fixture(scope="session")
def compose(tmp_path_factory):
    """The file as docker-compose resolves it, with every variable filled in."""
    shown = docker_compose(tmp_path_factory.mktemp("compose"), SECRETS, "config")
    assert shown.returncode == 0, shown.stderr
    return yaml.safe_load(shown.stdout)


@pytest.fixture(scope="session")
def dags():
    """Every DAG of the folder by id, read as Airflow's DAG processor reads it."""
    return read_dags(DAGS)


@pytest.fixture(scope="session")
def divided():
    """The refresh's DAG as it is with two workers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNWIND_WORKERS", "2")
        return read_dags(DAGS / "refresh_warehouse.py")["refresh_warehouse"]


def read_dags(path):
    from airflow.dag_processing.dagbag import BundleDagBag

    bag = BundleDagBag(dag_folder=path, bundle_path=DAGS, bundle_name="dags-folder")
    assert bag.import_errors == {}
    return bag.dags


@pytest.fixture(scope="session")
def airflow_database():
    """Airflow's tables, made once."""
    from airflow.utils.db import initdb

    initdb()


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home, found by the tasks through UNWIND_HOME."""
    from unwind.settings import Home

    monkeypatch.setenv("UNWIND_HOME", str(tmp_path))
    return Home(tmp_path)


@pytest.fixture
def unreachable_venues(monkeypatch):
    """Every connection of every venue leads to a loopback port where nothing listens."""
    from unwind.http import retries
    from unwind.venues import venues

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed_port = probe.getsockname()[1]
    for venue in venues().values():
        for connection in venue.connections:
            monkeypatch.setenv(
                f"AIRFLOW_CONN_{connection.upper()}", f"http://127.0.0.1:{closed_port}"
            )
    # Retries are covered by the HTTP tests.
    monkeypatch.setattr(retries, "ATTEMPTS", 1)
