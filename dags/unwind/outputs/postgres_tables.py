"""A release's marts as tables of PostgreSQL: types, comments, keys and indexes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

import duckdb

from unwind.errors import UnwindError
from unwind.warehouse.contents import dated_by
from unwind.warehouse.promises import key_of, marts

# Every type that marts have. A timestamp of a mart is an instant in UTC, and becomes one.
TYPES = {
    "BIGINT": "bigint",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "DOUBLE": "double precision",
    "INTEGER": "integer",
    "SMALLINT": "smallint",
    "TIMESTAMP": "timestamptz",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
    "UUID": "uuid",
    "VARCHAR": "text",
}
DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
# Free text in a key may be longer than an index takes.
FREE_TEXT = ("message", "observed", "row_key", "symbol")
# A release of another schema than this is copied anew, even where its columns are the same.
LAYOUT = 1


class UnknownTypeError(UnwindError):
    """A column of a release has a type without a counterpart in PostgreSQL."""


@dataclass(frozen=True)
class Column:
    """A column with DuckDB's name of its type."""

    name: str
    duckdb_type: str
    comment: str
    is_required: bool

    @property
    def postgres_type(self) -> str:
        """PostgreSQL's name of the type, as precise. Raises UnknownTypeError."""
        decimal = DECIMAL.fullmatch(self.duckdb_type)
        if decimal:
            return f"numeric({decimal[1]}, {decimal[2]})"
        if self.duckdb_type not in TYPES:
            raise UnknownTypeError(
                f"column {self.name} is {self.duckdb_type}, which the copy in PostgreSQL has no "
                "type for; add one to TYPES in dags/unwind/outputs/postgres_tables.py"
            )
        return TYPES[self.duckdb_type]

    @property
    def selected(self) -> str:
        """The column in DuckDB's SQL, as the driver's binary copy takes it."""
        name = quoted(self.name)
        if self.duckdb_type == "UUID":
            return f"unhex(replace({name}::varchar, '-', '')) as {name}"
        if self.duckdb_type == "VARCHAR":
            # A venue's text may hold a zero byte, which text in PostgreSQL cannot.
            return f"replace({name}, chr(0), chr(65533)) as {name}"
        return name


@dataclass(frozen=True)
class Table:
    """A mart of a release. `key` is its grain; empty where the code does not know the mart."""

    name: str
    comment: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def is_primary(self) -> bool:
        """Whether the key can be a primary one: no column null, or text of any length."""
        return all(
            column.is_required and column.name not in FREE_TEXT
            for column in self.columns
            if column.name in self.key
        )

    @property
    def dated_by(self) -> str | None:
        """The column by which rows are replaced; None where all are."""
        return dated_by(column.name for column in self.columns)

    @property
    def is_hourly(self) -> bool:
        """Whether rows are replaced by the hour; else by the day of `dated_by`."""
        return self.dated_by == "hour_at"

    @property
    def selected(self) -> str:
        """All columns in DuckDB's SQL."""
        return ", ".join(column.selected for column in self.columns)

    def created(self, schema: str) -> str:
        """The statement that makes the table."""
        listed = ", ".join(f"{quoted(one.name)} {one.postgres_type}" for one in self.columns)
        return f"create table {schema}.{quoted(self.name)} ({listed})"

    def described(self, schema: str) -> Iterator[str]:
        """The statements that give the filled table its key, indexes and comments."""
        table = f"{schema}.{quoted(self.name)}"
        names = [column.name for column in self.columns]
        if self.key and self.is_primary:
            yield f"alter table {table} add primary key ({_listed(self.key)})"
        elif self.key:
            short = [f"md5({quoted(one)})" if one in FREE_TEXT else quoted(one) for one in self.key]
            yield f"create unique index on {table} ({', '.join(short)}) nulls not distinct"
        if self.dated_by and self.key[:1] != (self.dated_by,):
            yield f"create index on {table} ({quoted(self.dated_by)})"
        if {"base_asset", "hour_at"} <= set(names) and self.key[:2] != ("base_asset", "hour_at"):
            yield f"create index on {table} ({_listed(('base_asset', 'hour_at'))})"
        if self.comment:
            yield f"comment on table {table} is {literal(self.comment)}"
        for column in self.columns:
            if column.comment:
                comment = literal(column.comment)
                yield f"comment on column {table}.{quoted(column.name)} is {comment}"


def tables_of(release: duckdb.DuckDBPyConnection) -> list[Table]:
    """The tables in schema marts of a release, which is the database in use. Raises duckdb.Error.

    Types and comments are the release's own; keys are the code's, as far as the release has them.
    """
    comments = dict(
        release.execute(
            "select table_name, coalesce(comment, '') from duckdb_tables()"
            " where database_name = current_database() and schema_name = 'marts'"
        ).fetchall()
    )
    columns: dict[str, list[tuple[str, str, str]]] = {name: [] for name in comments}
    for table, *column in release.execute(
        "select table_name, column_name, data_type, coalesce(comment, '') from duckdb_columns()"
        " where database_name = current_database() and schema_name = 'marts' order by column_index"
    ).fetchall():
        if table in columns:
            columns[table].append((column[0], column[1], column[2]))
    return [_table(name, comments[name], columns[name]) for name in sorted(comments)]


def fingerprint(tables: list[Table]) -> str:
    """A text that is another one where any statement that makes the tables is."""
    statements = [
        statement
        for table in tables
        for statement in (table.created("marts"), *table.described("marts"))
    ]
    return hashlib.sha256("\n".join([str(LAYOUT), *statements]).encode()).hexdigest()


def quoted(name: str) -> str:
    """A name as SQL has it: "hour_at"."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as PostgreSQL's SQL has it, with backslashes as they are."""
    return "'" + text.replace("'", "''") + "'"


def _table(name: str, comment: str, columns: list[tuple[str, str, str]]) -> Table:
    mart = marts().get(name)
    there = {column for column, *_ in columns}
    key = key_of(mart) if mart else ()
    required = {column.name for column in mart.columns if column.is_not_null} if mart else set()
    return Table(
        name,
        comment,
        tuple(Column(one, kind, text, one in required) for one, kind, text in columns),
        key if set(key) <= there else (),
    )


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(map(quoted, names))
