"""What Spark reads and does not build, from staging.duckdb to the store, as Parquet."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import duckdb

from unwind.database import connect, quoted
from unwind.settings import Home
from unwind.spark.store import WHOLE, Store

# Staged rows go by the first letters of their batch: the day of an hour's batch.
LETTERS_OF_BATCH = 15
PARTITION = "_partition"


def hand_over(
    home: Home, store: Store, built: dict[str, dict[str, Any]], views: set[str], is_copy: bool
) -> None:
    """Writes what is staged: of the batches being built alone, where the store `is_copy`.

    Else all of it, and the tables that Spark builds on as the files have them. `views` are those of
    staged rows that it reads.
    """
    if not is_copy:
        store.clear()
    there = {one["relation"]: one for one in built.values()}
    with connect(home, home.staging_db, read_only=True) as connection:
        connection.execute(f"attach {quoted(home.warehouse_db)} as warehouse (read_only)")
        batches = f"select left(batch_id, {LETTERS_OF_BATCH}) from ops.build_batches"
        touched = [row[0] for row in connection.execute(batches).fetchall()]
        tables = connection.execute(
            "select database_name, schema_name, table_name from duckdb_tables()"
            " where not internal and not temporary"
            " union all select database_name, schema_name, view_name from duckdb_views()"
            " where not internal and schema_name || '.' || view_name in"
            " (select unnest(?)) order by all",
            [sorted(views)],
        ).fetchall()
        for database, schema, table in tables:
            name = f"{schema}.{table}"
            source = f'"{database}"."{schema}"."{table}"'
            if name in there:
                if not is_copy:
                    _write(connection, store, name, source, _day(there[name]), None)
            elif database != "warehouse" or schema != "ops":
                columns = {row[0] for row in connection.execute(f"describe {source}").fetchall()}
                by_batch = schema == "landed" or (name in views and "batch_id" in columns)
                key = f"left(batch_id, {LETTERS_OF_BATCH})" if by_batch else None
                only = touched if by_batch and is_copy else None
                _write(connection, store, name, source, key, only)


def _day(model: dict[str, Any]) -> str | None:
    if model["materialized"] != "incremental":
        return None
    partition = model["partition"]
    return f"strftime({partition}, '%Y-%m-%d')" if partition in ("hour_at", "event_date") else None


def _write(
    connection: duckdb.DuckDBPyConnection,
    store: Store,
    name: str,
    source: str,
    key: str | None,
    only: list[str] | None,
) -> None:
    """Copies a table, by the value of `key` if there is one; `only` those partitions."""
    columns = connection.execute(f"describe {source}").fetchall()
    fields = [
        {"name": column, "type": spark_type(kind), "nullable": True, "metadata": {}}
        for column, kind, *_ in columns
    ]
    schema = {"type": "struct", "fields": fields}
    chosen = ", ".join(_portable(column, kind) for column, kind, *_ in columns)
    folder = store.new_folder(name)
    if key is None:
        folder.mkdir()
        target = folder / "all.parquet"
        connection.execute(
            f"copy (select {chosen} from {source}) to {quoted(target)} (format parquet)"
        )
        store.put(name, schema, {WHOLE: [target]})
        return
    within = "" if only is None else f" where {key} in ({', '.join(map(quoted, only)) or 'null'})"
    partition = f"coalesce({key}, {quoted(WHOLE)}) as {PARTITION}"
    connection.execute(
        f"copy (select {chosen}, {partition} from {source}{within})"
        f" to {quoted(folder)} (format parquet, partition_by ({PARTITION}))"
    )
    written: dict[str, list[Path]] = {
        part.name.removeprefix(f"{PARTITION}="): sorted(part.glob("*.parquet"))
        for part in folder.glob(f"{PARTITION}=*")
    }
    if not written:
        shutil.rmtree(folder, ignore_errors=True)
    store.put(name, schema, written, only)


def _portable(column: str, kind: str) -> str:
    if kind in ("HUGEINT", "UHUGEINT", "UBIGINT"):
        return f'"{column}"::decimal(38, 0) as "{column}"'
    if kind in ("UUID", "JSON") or kind.startswith("ENUM"):
        return f'"{column}"::varchar as "{column}"'
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f'"{column}" at time zone \'UTC\' as "{column}"'
    return f'"{column}"'


NAMES = {
    **{"VARCHAR": "string", "UUID": "string", "JSON": "string", "BLOB": "binary"},
    **{"BIGINT": "long", "INTEGER": "integer", "SMALLINT": "short", "TINYINT": "byte"},
    **{"UINTEGER": "long", "USMALLINT": "integer", "UTINYINT": "short"},
    **{"HUGEINT": "decimal(38,0)", "UHUGEINT": "decimal(38,0)", "UBIGINT": "decimal(38,0)"},
    **{"DOUBLE": "double", "FLOAT": "float", "BOOLEAN": "boolean", "DATE": "date"},
    **{"TIMESTAMP": "timestamp_ntz", "TIMESTAMP WITH TIME ZONE": "timestamp_ntz"},
}


def spark_type(kind: str) -> Any:
    """A type of DuckDB's as Spark writes it in a schema's JSON."""
    if kind.endswith("[]"):
        return {"type": "array", "elementType": spark_type(kind[:-2]), "containsNull": True}
    if kind.startswith("DECIMAL"):
        return kind.lower()
    if kind.startswith("ENUM"):
        return "string"
    return NAMES[kind]
