"""Rows that a Python model of dbt computes part by part, as a relation of its session."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import duckdb

PART = "part_of_rows"


def rows_of_parts(
    session: Any,
    name: str,
    types: Mapping[str, str],
    parts: Iterable[Mapping[str, Any]],
    value: Callable[[str, str], str] = "{0}::{1}".format,
) -> duckdb.DuckDBPyRelation:
    """The rows of all parts, in the temporary table `name`: unlike arrays, it may leave memory.

    `types` are the columns, `parts` arrays of one length by column, and `value` gives the SQL of a
    column of a type. Each part is let go before the next one is made.
    """
    columns = ", ".join(f"{column} {kind}" for column, kind in types.items())
    session.execute(f"create or replace temporary table {name} ({columns})")
    values = ", ".join(f"{value(column, kind)} as {column}" for column, kind in types.items())
    for part in parts:
        session.register(PART, part)
        session.execute(f"insert into {name} by name select {values} from {PART}")
        session.unregister(PART)
    relation: duckdb.DuckDBPyRelation = session.query(f"from {name}")
    return relation
