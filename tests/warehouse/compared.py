"""The tables of two homes, one beside the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from tests.warehouse.hand_made import ABOUT_THE_RUN
from unwind.settings import Home
from unwind.warehouse.divided import steps_of_a_unit


@contextmanager
def beside(one: Home, other: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        for name, home in (("one", one), ("other", other)):
            connection.execute(f"attach '{home.warehouse_db}' as {name} (read_only)")
            connection.execute(f"attach '{home.staging_db}' as {name}_staging (read_only)")
        yield connection


def different(one: Home, other: Home) -> tuple[int, dict[str, str]]:
    """How many tables were compared, and how columns, types or rows of some differ."""
    found, compared = {}, 0
    with beside(one, other) as connection:
        tables = connection.execute(
            "select database_name, schema_name, table_name from duckdb_tables()"
            " where database_name like 'other%'"
            " and schema_name in ('landed', 'marts', 'intermediate', 'seeds')"
        ).fetchall()
        for database, schema, table in tables:
            if table in ABOUT_THE_RUN | steps_of_a_unit():
                continue
            compared += 1
            here = f"{database.replace('other', 'one')}.{schema}.{table}"
            there = f"{database}.{schema}.{table}"
            columns = [
                connection.execute(
                    f"select column_name, column_type from (describe {name})"
                ).fetchall()
                for name in (here, there)
            ]
            if columns[0] != columns[1]:
                found[table] = "columns"
                continue
            only = [
                connection.execute(
                    f"select * from {a} except all select * from {b} limit 1"
                ).fetchall()
                for a, b in ((here, there), (there, here))
            ]
            if only != [[], []]:
                found[table] = str(only)
    return compared, found
