"""The types of the expressions in a query, by SQLGlot: some are translated by what they are."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.schema import MappingSchema

Schema = dict[str, dict[str, str] | None]
TypesOf = Callable[[str], dict[str, str] | None]

# Spark's names of types, as DuckDB writes them.
NAMES = {"timestamp_ntz": "timestamp", "string": "text", "void": "text"}
KINDS = {
    "double": ("DOUBLE", "FLOAT"),
    "decimal": ("DECIMAL",),
    "integer": ("INT", "BIGINT", "SMALLINT", "TINYINT", "INT128", "UBIGINT", "UINT"),
    "text": ("TEXT", "VARCHAR", "CHAR", "UUID"),
    "null": ("NULL",),
    "timestamp": ("TIMESTAMP", "TIMESTAMPNTZ", "DATETIME"),
    "date": ("DATE",),
    "boolean": ("BOOLEAN",),
    "list": ("ARRAY", "LIST"),
    "interval": ("INTERVAL",),
}
KIND_OF = {name: kind for kind, names in KINDS.items() for name in names}
ASKED = (
    *(exp.Cast, exp.TryCast, exp.Round, exp.Floor, exp.Ceil, exp.Length, exp.Ordered, exp.Sub),
    *(exp.TimeToUnix, exp.Add, exp.TimestampTrunc, exp.DateDiff, exp.UnixToTime),
)
PLACE = "place"


def mark_kinds(tree: exp.Expr, types: TypesOf) -> dict[int, str]:
    """The kind of the first argument of each expression that is asked for, by its `PLACE`.

    What cannot be told is not in it.
    """
    asked = [node for node in tree.walk() if isinstance(node, ASKED)]
    for place, node in enumerate(asked):
        node.this.meta[PLACE] = place
        node.meta["asks"] = place
        if isinstance(node, exp.Sub | exp.Add):
            node.expression.meta[PLACE] = -1 - place
    schema = MappingSchema(dialect="duckdb")
    for table in tree.find_all(exp.Table):
        if table.db:
            columns = types(f"{table.db}.{table.name}")
            if columns:
                schema.add_table(
                    exp.table_(table.name, db=table.db, quoted=True),
                    {name: duckdb_type(one) for name, one in columns.items()},
                    dialect="duckdb",
                )
    copy = tree.copy()
    for median in list(copy.find_all(exp.Median)):
        # SQLGlot knows no type of it; it is that of its values.
        same = exp.Max(this=median.this)
        same.meta.update(median.meta)
        median.replace(same)
    try:
        copy = qualify(
            copy,
            dialect="duckdb",
            schema=schema,
            validate_qualify_columns=False,
            quote_identifiers=False,
        )
        copy = annotate_types(copy, schema=schema, dialect="duckdb")
    except SqlglotError:
        # What needs a type will say that it has none.
        return {}
    found: dict[int, str] = {}
    for typed in copy.walk():
        kind = kind_of(typed)
        if PLACE in typed.meta and kind:
            found[typed.meta[PLACE]] = kind
    return found


def kind_of(node: exp.Expr) -> str | None:
    """The kind of an annotated expression."""
    while isinstance(node, exp.Paren | exp.Alias) and not node.type:
        node = node.this
    return KIND_OF.get(node.type.this.name) if node.type else None


def duckdb_type(name: str) -> str:
    """A type of Spark's as DuckDB writes it."""
    nested = re.fullmatch(r"array<(.*)>", name)
    if nested:
        return f"{duckdb_type(nested[1])}[]"
    return NAMES.get(name, name if not name.startswith(("struct", "map")) else "unknown")


def spark_type(kind: exp.DataType) -> Any:
    """A type of DuckDB's as Spark writes it."""
    return kind.sql("spark")
