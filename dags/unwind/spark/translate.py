"""DuckDB's SQL as Spark's: what is known, construct by construct, and an error for the rest."""

from __future__ import annotations

from sqlglot import exp, parse_one
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.errors import ErrorLevel, SqlglotError

from unwind.spark import allowed
from unwind.spark.allowed import UnknownConstructError
from unwind.spark.constructs import rewritten
from unwind.spark.expressions import NotKnownError
from unwind.spark.structures import restructured
from unwind.spark.types import Schema, TypesOf, mark_kinds

__all__ = ["Schema", "as_text", "contract_type", "translate", "translated"]


class CountedFromOne(DuckDB):
    """DuckDB's SQL with the index of a list as it is written.

    SQLGlot makes it count from 0 where it knows at once that it is an integer, and leaves others.
    """

    INDEX_OFFSET = 0


def no_types(relation: str) -> None:
    """Knows no relation."""


def translate(model: str, sql: str, types: TypesOf = no_types) -> str:
    """A model's compiled SQL for Spark. `types` gives a relation's columns and their types.

    Raises UnknownConstructError, naming `model` and the construct.
    """
    return as_text(model, translated(model, sql, types))


def translated(model: str, sql: str, types: TypesOf = no_types) -> exp.Expr:
    """The same as a tree, whose top has all its CTEs. Raises UnknownConstructError."""
    try:
        tree = parse_one(sql, read=CountedFromOne)
        check(model, tree)
        kinds = mark_kinds(tree, types)
        return rewritten(restructured(tree, types), kinds)
    except NotKnownError as error:
        raise UnknownConstructError(model, str(error)) from None
    except SqlglotError as error:
        raise UnknownConstructError(model, str(error).splitlines()[0]) from None


def as_text(model: str, tree: exp.Expr) -> str:
    """A translated tree as Spark reads it; the tree is used up. Raises UnknownConstructError."""
    try:
        return tree.sql("spark", unsupported_level=ErrorLevel.RAISE, pretty=True, copy=False)
    except SqlglotError as error:
        raise UnknownConstructError(model, str(error).splitlines()[0]) from None


def check(model: str, tree: exp.Expr) -> None:
    """Raises UnknownConstructError for the first expression that is not known."""
    for node in tree.walk():
        name = type(node).__name__
        if isinstance(node, exp.Anonymous):
            if node.name.lower() in allowed.NAMED_FUNCTIONS:
                continue
        elif isinstance(node, exp.DataType):
            if node.this.name in allowed.TYPES:
                continue
        elif isinstance(node, exp.Join):
            if node.kind in allowed.JOINS and node.method in ("", "ASOF"):
                continue
        elif name in allowed.EXPRESSIONS:
            continue
        raise UnknownConstructError(model, f"{name}: {node.sql('duckdb')[:200]}")


def contract_type(promised: str) -> str:
    """The type that a contract states, as Spark writes it."""
    if promised.lower() in ("uuid", "json"):
        return "string"
    return exp.DataType.build(promised, dialect="duckdb").sql("spark")
