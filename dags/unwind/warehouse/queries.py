"""Queries on a release, as `unwind sql` runs them: one statement, read-only, shut off from the rest
of the machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from unwind.database import DISABLED_OPTIMIZERS, connect, quoted
from unwind.errors import UnwindError
from unwind.settings import Home

# Rows fetched at a time, so that a large answer is not held in memory whole.
ROWS_PER_FETCH = 10_000


class QueryError(UnwindError, ValueError):
    """A query that cannot run or failed; the text says why, and what to do."""


@dataclass(frozen=True)
class Answer:
    """A query's column names and its rows, read as they are asked for."""

    names: tuple[str, ...]
    rows: Iterator[Sequence[Any]]


@contextmanager
def answered(home: Home, database: Path, query: str, allow_files: bool = False) -> Iterator[Answer]:
    """Runs one statement on a release's file and gives its answer while the block lasts.

    Without `allow_files` the query reaches nothing but the release: no files, no network, no
    extensions. Raises QueryError for no statement, several, or one that fails.
    """
    statements = _statements(query)
    if not statements:
        raise QueryError('the query is empty; write one such as "select * from release"')
    if len(statements) > 1:
        raise QueryError(
            f"the query holds {len(statements)} statements, and one is run at a time; "
            "run them one by one"
        )
    with connect(home, database, read_only=True) as connection:
        connection.execute("set schema = 'marts'")
        connection.execute(f"set disabled_optimizers = {quoted(DISABLED_OPTIMIZERS)}")
        # Names of this program's own variables are no tables.
        connection.execute("set python_enable_replacements = false")
        if not allow_files:
            connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        try:
            connection.execute(statements[0])
            names = tuple(column[0] for column in connection.description or ())
            yield Answer(names, _rows(connection))
        except duckdb.Error as error:
            raise QueryError(_explained(error)) from None


def _statements(query: str) -> list[duckdb.Statement]:
    try:
        # Bytes of an argument that are not UTF-8 come as lone surrogates, which DuckDB refuses.
        query.encode()
    except UnicodeEncodeError as error:
        raise QueryError(
            f"the query is not written in UTF-8 (at character {error.start + 1}); write it in UTF-8"
        ) from None
    try:
        return duckdb.extract_statements(query)
    except duckdb.Error as error:
        raise QueryError(_explained(error)) from None


def _rows(connection: duckdb.DuckDBPyConnection) -> Iterator[Sequence[Any]]:
    while rows := connection.fetchmany(ROWS_PER_FETCH):
        yield from rows


def _explained(error: duckdb.Error) -> str:
    if "disabled by configuration" in str(error):
        return (
            f"the query failed: {error}\nOnly the release can be read; --allow-files lets a query "
            "read and write files of this machine"
        )
    return f"the query failed: {error}"
