"""Every DuckDB connection: within the limit of memory, spilling to the home's temporary files."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unwind.memory import memory_limit, worker_threads
from unwind.scratch import process_folder
from unwind.settings import Home

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

IN_MEMORY = ":memory:"
# For queries that people write. 2026-11-28, DuckDB 1.5.6: it filters one side of a join by the keys
# of the other, below a `limit` too: a join with a table's newest rows has other ones in most runs
# (duckdb#22924). Our own SQL has no such join, and needs the filters: docs/adr/0028.
DISABLED_OPTIMIZERS = "join_filter_pushdown"

_counter = itertools.count()


def bounds(home: Home, path: object = IN_MEMORY, sharers: int = 1) -> dict[str, Any]:
    """DuckDB's settings for a database that is opened now.

    `sharers` processes share the memory and the processors. Raises SettingError.
    """
    return {**_shared_bounds(sharers), "temp_directory": _spill_folder(home, path)}


def _shared_bounds(sharers: int) -> dict[str, Any]:
    """Those of every database, in a home or not."""
    limit = memory_limit() // sharers
    return {
        "memory_limit": f"{limit // 2**20}MiB",
        "threads": str(worker_threads(limit, sharers)),
    }


def connect(
    home: Home, path: Path | None = None, read_only: bool = False, sharers: int = 1
) -> DuckDBPyConnection:
    """A connection to a file, or to a database in memory; times are in UTC.

    `sharers` processes share the memory. Raises duckdb.Error, SettingError.
    """
    import duckdb

    where = str(path or IN_MEMORY)
    connection = duckdb.connect(where, read_only=read_only, config=bounds(home, where, sharers))
    connection.execute("set TimeZone = 'UTC'")
    return connection


def in_memory(sharers: int = 1) -> DuckDBPyConnection:
    """A connection to no file, for work that never spills, in UTC.

    `sharers` processes share the memory. Raises SettingError.
    """
    import duckdb

    connection = duckdb.connect(config=_shared_bounds(sharers))
    connection.execute("set TimeZone = 'UTC'")
    return connection


def row_of(
    connection: DuckDBPyConnection, query: str, parameters: Sequence[object] = ()
) -> tuple[Any, ...]:
    """The one row of a query that always has one: a count, a sum. Raises duckdb.Error."""
    row = connection.execute(query, parameters).fetchone()
    assert row is not None, query
    return row


def quoted(value: object) -> str:
    """A value as SQL text: `'it''s'`."""
    return "'" + str(value).replace("'", "''") + "'"


def _spill_folder(home: Home, path: object) -> str:
    """Where a database spills; DuckDB makes it and removes it.

    Each has its own, since two would give their files the same names. Where the home can only be
    read, nothing spills.
    """
    name = hashlib.sha256(str(path).encode()).hexdigest()[:12]
    if path == IN_MEMORY:
        name = f"memory-{next(_counter)}"
    try:
        return str(process_folder(home) / f"duckdb-{name}")
    except OSError:
        return ""
