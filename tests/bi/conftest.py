"""A small published release with every mart, and a private PostgreSQL."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
import yaml
from serving import FEW, MARTS, OWNER_PASSWORD, Postgres, build

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
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = shutil.which("initdb") or (str(programs[-1]) if programs else None)
    if initdb is None:
        pytest.fail("PostgreSQL is not installed; `apt-get install postgresql` brings it")
    found = Path(initdb).resolve().parent
    # Socket paths must be short, and PostgreSQL refuses to run as root.
    folder = Path(tempfile.mkdtemp(prefix="unwind-pg-", dir="/tmp"))
    (folder / "password").write_text("admin")
    owner = {"user": "postgres"} if folder.owner() == "root" else {}
    if owner:
        shutil.chown(folder, "postgres")
        shutil.chown(folder / "password", "postgres")
    cluster = str(folder / "cluster")

    def call(program: str, *words: str) -> None:
        command = [found / program, "--pgdata", cluster, *words]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, **owner)

    try:
        login = ("--username", "admin", "--auth", "scram-sha-256", "--pwfile", "password")
        call("initdb", *login, "--no-sync")
        options = f"-c listen_addresses='' -c fsync=off -c max_connections=120 -k {folder}"
        call("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
        yield Postgres(folder, found)
    finally:
        if (folder / "cluster" / "postmaster.pid").exists():
            call("pg_ctl", "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres(postgres_server, monkeypatch) -> Postgres:
    """The server with an empty database, which the connection and the readers' setting name."""
    postgres_server.make()
    login = f"unwind:{quote(OWNER_PASSWORD, safe='')}"
    place = urlencode({"host": str(postgres_server.folder)})
    monkeypatch.setenv("AIRFLOW_CONN_MARTS_POSTGRES", f"postgresql://{login}@/unwind?{place}")
    monkeypatch.setenv("UNWIND_POSTGRES_READERS", "unwind_reader")
    return postgres_server
