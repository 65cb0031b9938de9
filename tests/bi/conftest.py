"""A small published release with every mart, and a private PostgreSQL."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import psycopg2
import pytest
import yaml

from unwind.settings import Home
from unwind.warehouse import releases
from unwind.warehouse.state import staging_state

PROJECT = Path(__file__).resolve().parents[2]
MARTS = PROJECT / "dbt_project" / "models" / "marts"
NOW = datetime(2026, 1, 29, 15, 2, tzinfo=UTC)
# Made up, and to be found nowhere: in no message and no log.
OWNER_PASSWORD, READER_PASSWORD = "s3cr3t/own&er=42", "s3cr3t/read&er=42"

# An hour with two venues: Binance's longs 36 million, Hyperliquid's 59 million.
BREAKDOWN = """
insert into marts.exchange_breakdown
    (hour_at, window_hours, base_asset, venue, long_usd, short_usd, total_usd, share, events,
    is_lower_bound)
values
    ('2026-01-29 14:00', 1, 'ALL', 'ALL', 95000000, 3500000, 98500000, 1, 700, true),
    ('2026-01-29 14:00', 1, 'ALL', 'hyperliquid', 59000000, 1500000, 60500000, 0.614, 400, false),
    ('2026-01-29 14:00', 1, 'ALL', 'binance', 36000000, 2000000, 38000000, 0.386, 300, true),
    ('2026-01-29 13:00', 1, 'ALL', 'ALL', 5000000.5, 0, 5000000.5, 1, 12, true),
    ('2026-01-29 14:00', 24, 'BTC', 'ALL', 331000000, 4000000, 335000000, 1, 7000, true)
"""


@pytest.fixture(scope="session")
def contracts() -> dict[str, dict]:
    """Every mart as its yml describes it, by name."""
    ymls = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in MARTS.rglob("*.yml")]
    return {model["name"]: model for yml in ymls for model in yml["models"]}


@pytest.fixture(scope="session")
def made(tmp_path_factory, contracts) -> Home:
    """A published home with every mart of the contracts; tests work on copies."""
    made = Home(tmp_path_factory.mktemp("published"))
    with staging_state(made) as state:
        state.execute("insert into ops.hours values ('2026-01-29 13:00'), ('2026-01-29 14:00')")
    with duckdb.connect(str(made.warehouse_db)) as warehouse:
        warehouse.execute("begin")
        warehouse.execute("create schema marts")
        for name, model in contracts.items():
            columns = ", ".join(f'"{one["name"]}" {one["data_type"]}' for one in model["columns"])
            warehouse.execute(f"create table marts.{name} ({columns})")
            comment = model["description"].replace("'", "''")
            warehouse.execute(f"comment on table marts.{name} is '{comment}'")
            for one in model["columns"]:
                meaning = one.get("description", "").replace("'", "''")
                warehouse.execute(
                    f"comment on column marts.{name}.\"{one['name']}\" is '{meaning}'"
                )
        warehouse.execute(BREAKDOWN)
        warehouse.execute("commit")
    releases.publish(made, "run-1", NOW)
    return made


@pytest.fixture
def home(tmp_path, monkeypatch, made) -> Home:
    """A working directory with the published home as its `data/`."""
    shutil.copytree(made.root, tmp_path / "data", symlinks=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNWIND_HOME", str(tmp_path / "data"))
    return Home(tmp_path / "data")


@dataclass(frozen=True)
class Postgres:
    """A private server, on a socket in its own folder; `make` prepares its database."""

    folder: Path
    programs: Path

    def words(self, role: str, password: str, database: str = "unwind") -> dict[str, str]:
        return {
            **{"host": str(self.folder), "dbname": database, "user": role},
            **{"password": password},
        }

    def reader(self) -> psycopg2.extensions.connection:
        """A connection of the role that may only read."""
        return psycopg2.connect(**self.words("unwind_reader", READER_PASSWORD))

    def owner(self) -> psycopg2.extensions.connection:
        return psycopg2.connect(**self.words("unwind", OWNER_PASSWORD))

    def make(self) -> None:
        """The roles and the database as docs/bi.md has them made, anew."""
        psql = [self.programs / "psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
        admin = ["--host", self.folder, "--username", "admin", "--dbname", "postgres"]
        dropped = ["drop database if exists unwind with (force)"]
        dropped += [f"drop role if exists {role}" for role in ("unwind", "unwind_reader")]
        commands = [word for one in dropped for word in ("--command", one)]
        environment = {
            **os.environ,
            "PGPASSWORD": "admin",
            "PGOPTIONS": "-c client_min_messages=warning",
            "UNWIND_MARTS_PASSWORD": OWNER_PASSWORD,
            "UNWIND_READER_PASSWORD": READER_PASSWORD,
        }
        subprocess.run([*psql, *admin, *commands], check=True, env=environment)
        roles = ["--file", PROJECT / "postgres" / "roles.sql"]
        subprocess.run([*psql, *admin, *roles], check=True, env=environment)


@pytest.fixture(scope="module")
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
        call("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres(postgres_server, monkeypatch) -> Postgres:
    """The server with an empty database, which the connection and the readers' setting name."""
    from urllib.parse import quote, urlencode

    postgres_server.make()
    login = f"unwind:{quote(OWNER_PASSWORD, safe='')}"
    place = urlencode({"host": str(postgres_server.folder)})
    monkeypatch.setenv("AIRFLOW_CONN_UNWIND_POSTGRES", f"postgresql://{login}@/unwind?{place}")
    monkeypatch.setenv("UNWIND_POSTGRES_READERS", "unwind_reader")
    return postgres_server
