"""A small published release with every mart, and a private PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
import yaml
from serving import FEW, MARTS, OWNER_PASSWORD, Postgres, build
from tests.private_postgres import private_postgres

from unwind.settings import Home


@pytest.fixture(scope="session")
def contracts() -> dict[str, dict]:
    """Every mart as its yml describes it, by name."""
    ymls = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in MARTS.rglob("*.yml")]
    return {model["name"]: model for yml in ymls for model in yml["models"]}


@pytest.fixture(scope="session")
def made(shared_folder, contracts) -> Home:
    """A published home with every mart of the contracts; tests work on copies."""
    return Home(shared_folder("every_mart", lambda root: build(root, contracts, contracts)))


@pytest.fixture(scope="session")
def made_of_few(tmp_path_factory, contracts) -> Home:
    """The same of a few marts, which is published in a fraction of the time."""
    return build(tmp_path_factory.mktemp("few"), contracts, FEW)


def copied(source: Home, folder: Path, monkeypatch) -> Home:
    shutil.copytree(source.root, folder / "data", symlinks=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("UNWIND_HOME", str(folder / "data"))
    return Home(folder / "data")


@pytest.fixture
def home(tmp_path, monkeypatch, made) -> Home:
    """A working directory with the published home as its `data/`."""
    return copied(made, tmp_path, monkeypatch)


@pytest.fixture
def few(tmp_path, monkeypatch, made_of_few) -> Home:
    """A working directory with the home of a few marts as its `data/`."""
    return copied(made_of_few, tmp_path, monkeypatch)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    with private_postgres() as (folder, programs):
        yield Postgres(folder, programs)


@pytest.fixture
def postgres(postgres_server, monkeypatch) -> Postgres:
    """The server with an empty database, which the connection and the readers' setting name."""
    postgres_server.make()
    login = f"unwind:{quote(OWNER_PASSWORD, safe='')}"
    place = urlencode({"host": str(postgres_server.folder)})
    monkeypatch.setenv("AIRFLOW_CONN_MARTS_POSTGRES", f"postgresql://{login}@/unwind?{place}")
    monkeypatch.setenv("UNWIND_POSTGRES_READERS", "unwind_reader")
    return postgres_server
