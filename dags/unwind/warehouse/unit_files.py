"""What units of hours read and write: files in the folder of their run, and nothing else.

`inputs/` has a small database with everything staging keeps except staged rows (listings, the
ledger's tables, the spine), and a Parquet file for each staged table with rows of the hours. A unit
builds in a copy of that database, with the staged rows as views, and leaves a Parquet file for each
table that it has built.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from unwind.database import connect, quoted
from unwind.settings import Home
from unwind.warehouse.divided import HOURS_AFTER, MAX_LOOKBACK_HOURS, divided_models, staged_models
from unwind.warehouse.unit_work import ROWS

INPUTS = "inputs"
STAGED = "staged"
DATABASE = "staging.duckdb"

HOUR = timedelta(hours=1)


def write_inputs(home: Home, folder: Path, hours: Sequence[datetime]) -> None:
    """Writes `inputs/`, whole, for units of these hours. Raises duckdb.Error, OSError."""
    unfinished = folder / f".{INPUTS}.{uuid.uuid4().hex[:8]}.part"
    (unfinished / STAGED).mkdir(parents=True)
    try:
        with connect(home) as connection:
            # Views name the database that they are in.
            connection.execute(f"attach {quoted(unfinished / DATABASE)} as staging")
            connection.execute(f"attach {quoted(home.staging_db)} as built (read_only)")
            _note_hours(connection, hours)
            tables = connection.execute(
                "select schema_name, table_name, estimated_size from duckdb_tables()"
                " where database_name = 'built' order by all"
            ).fetchall()
            for schema in ("landed", "intermediate", "seeds", "ops"):
                connection.execute(f"create schema staging.{schema}")
            for schema, table, rows in tables:
                _copy_table(connection, unfinished, schema, table, rows)
            _copy_views(connection)
            connection.execute("detach built")
            connection.execute("detach staging")
        unfinished.rename(folder / INPUTS)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def prepare(folder: Path, unit_home: Home, hours: Sequence[datetime], sharers: int) -> None:
    """Makes a unit's own staging file, in which these hours and those that they read are pending.

    Beside it, `rows/` is for the tables that will be built.

    Raises FileNotFoundError where the inputs are gone, duckdb.Error.
    """
    unit_home.warehouse_dir.mkdir(parents=True)
    (unit_home.root / ROWS).mkdir()
    shutil.copyfile(folder / INPUTS / DATABASE, unit_home.staging_db)
    with connect(unit_home, unit_home.staging_db, sharers=sharers) as connection:
        for file in sorted((folder / INPUTS / STAGED).glob("*.parquet")):
            connection.execute(f"drop table landed.{file.stem}")
            connection.execute(
                f"create view landed.{file.stem} as from read_parquet({quoted(file.resolve())})"
            )
        _note_hours(connection, hours)
        connection.execute("delete from ops.pending_hours")
        connection.execute("insert into ops.pending_hours from hours_read")


def write_rows_of_tables(unit_home: Home, sharers: int) -> None:
    """Writes the rows of the divided models that dbt built as tables, which Python models are."""
    with connect(unit_home, unit_home.warehouse_db, sharers=sharers) as connection:
        connection.execute(f"attach {quoted(unit_home.staging_db)} as staging (read_only)")
        tables = connection.execute(
            "select database_name, schema_name, table_name from duckdb_tables()"
            " where schema_name in ('marts', 'intermediate') order by all"
        ).fetchall()
        for database, schema, table in tables:
            if table in divided_models():
                connection.execute(
                    f'copy (from "{database}".{schema}.{table})'
                    f" to {quoted(unit_home.root / ROWS / f'{table}.parquet')} (format parquet)"
                )


def _note_hours(connection: duckdb.DuckDBPyConnection, hours: Sequence[datetime]) -> None:
    """Makes `hours_read`: these hours, and those around them that their rows depend on."""
    around = range(-MAX_LOOKBACK_HOURS, HOURS_AFTER + 1)
    read = sorted({hour + place * HOUR for hour in hours for place in around})
    connection.execute(
        "create or replace temp table hours_read as select unnest(?::timestamp[]) as hour_at",
        [read],
    )


def _copy_table(
    connection: duckdb.DuckDBPyConnection, folder: Path, schema: str, table: str, rows: int
) -> None:
    """Copies what a unit reads of a table; rows of staging alone as Parquet."""
    named = f"{schema}.{table}"
    if schema == "landed":
        connection.execute(f"create table staging.{named} as from built.{named} limit 0")
        # What a model reads of another hour than its own, it reads of the hour before.
        of_hours = f"from built.{named} where hour_at in (from hours_read)"
        if rows and connection.execute(f"{of_hours} limit 1").fetchone():
            path = folder / STAGED / f"{table}.parquet"
            connection.execute(f"copy ({of_hours}) to {quoted(path)} (format parquet)")
    elif schema in {"ops", "seeds"} or (schema == "intermediate" and table in staged_models()):
        columns = connection.execute(f"describe built.{named}").fetchall()
        is_by_hour = schema == "intermediate" and "hour_at" in {name for name, *_ in columns}
        limited = " where hour_at in (from hours_read)" if is_by_hour else ""
        connection.execute(f"create table staging.{named} as from built.{named}{limited}")


def _copy_views(connection: duckdb.DuckDBPyConnection) -> None:
    """Copies staging's views, each after those that it reads."""
    waiting = [
        text
        for name, text in connection.execute(
            "select view_name, sql from duckdb_views()"
            " where database_name = 'built' and schema_name = 'intermediate'"
        ).fetchall()
        if name in staged_models()
    ]
    connection.execute("use staging")
    while waiting:
        unread = []
        for text in waiting:
            try:
                connection.execute(text)
            except duckdb.CatalogException:
                unread.append(text)
        if len(unread) == len(waiting):
            connection.execute(unread[0])
        waiting = unread
    connection.execute("use memory")
