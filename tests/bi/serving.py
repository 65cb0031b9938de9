"""A small published home, and a private PostgreSQL with the roles of docs/bi.md."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import psycopg2

from unwind.settings import Home
from unwind.warehouse import releases
from unwind.warehouse.state import staging_state

PROJECT = Path(__file__).resolve().parents[2]
MARTS = PROJECT / "dbt_project" / "models" / "marts"
NOW = datetime(2026, 1, 29, 15, 2, tzinfo=UTC)
# Those that publishing writes to, and some that readers read.
FEW = (
    *("release", "gate_results", "published_releases", "mart_revisions", "landing_outcomes"),
    *("exchange_breakdown", "liquidations_hourly", "stress_hourly", "unrecognised_symbols"),
)
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


def build(root: Path, contracts: dict[str, dict], names: Iterable[str]) -> Home:
    """A published home with some marts of the contracts, and the breakdown's rows."""
    made = Home(root)
    with staging_state(made) as state:
        state.execute("insert into ops.hours values ('2026-01-29 13:00'), ('2026-01-29 14:00')")
    with duckdb.connect(str(made.warehouse_db)) as warehouse:
        warehouse.execute("begin")
        warehouse.execute("create schema marts")
        for name in names:
            model = contracts[name]
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
        for name in ("roles.sql", "private_server.sql"):
            file = ["--file", PROJECT / "postgres" / name]
            subprocess.run([*psql, *admin, *file], check=True, env=environment)
