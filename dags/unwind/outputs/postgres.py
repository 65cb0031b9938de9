"""The marts of the current release in PostgreSQL, for tools that need a server.

A later release replaces the hours that differ, by delete and insert. A first copy, a roll-back and
a release of another schema are built beside, in `marts_next`, which then takes the schema's name.
Either is one transaction: a reader's statement sees one release, and a copy that is killed has
changed nothing.

What a copy consists of is in schema `unwind_copy`: the release, and a count and hash of each hour.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from unwind.database import connect
from unwind.outputs import parts
from unwind.outputs.postgres_connection import VARIABLE, PostgresError, Server, server
from unwind.outputs.postgres_tables import Table, fingerprint, literal, quoted, tables_of
from unwind.progress import Progress
from unwind.settings import POSTGRES_READERS, Home, settings
from unwind.warehouse.contents import Contents, Rows, hash_version
from unwind.warehouse.order import order_of
from unwind.warehouse.promises import marts
from unwind.warehouse.releases import current_db

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Connection, Cursor

# Of the columns of a key that may be null, `nulls not distinct` asks for it.
MIN_SERVER_VERSION = 150000
# Any number that other programs do not use: "unwind" in ASCII.
LOCK = 0x756E77696E64
# A batch of a wide mart is some 60 MB.
ROWS_PER_BATCH = 50_000
# To swap, each mart has to be free of readers at one instant. New readers wait as long as one try.
SWAP_SECONDS, TRY_MILLISECONDS, BETWEEN_TRIES_SECONDS = 60.0, 500, 0.5
# In a block of its own: the driver ends a transaction at its first error, savepoints or not. What a
# failed try has locked is free again with its end.
LOCKED = f"""
do $$
declare listed text;
begin
    select string_agg(format('%I.%I', schemaname, tablename), ', ') into listed
    from pg_tables where schemaname = 'marts';
    perform set_config('lock_timeout', '{TRY_MILLISECONDS}', true);
    if listed is not null then
        execute 'lock table ' || listed || ' in access exclusive mode';
    end if;
    perform set_config('lock_timeout', '0', true);
    perform set_config('unwind.is_locked', 'yes', true);
exception when lock_not_available then
    perform set_config('unwind.is_locked', 'no', true);
end
$$
"""

STATE = """
create table unwind_copy.copied (
    release_id text not null, home_id text not null, fingerprint text not null,
    hashed_by text not null, copied_at timestamptz not null default now()
)
"""
PARTS = """
create table unwind_copy.parts (
    mart text not null, day date, from_at timestamp, row_count bigint not null, content text
)
"""


@dataclass(frozen=True)
class Copied:
    """What a copy did: `swapped` the schema, `updated` hours, or found it `unchanged`."""

    release_id: str
    how: str
    rows: int
    shown: str


@dataclass(frozen=True)
class Source:
    """The release that is copied."""

    release_id: str
    home_id: str
    folder: Path
    connection: duckdb.DuckDBPyConnection
    tables: Sequence[Table]

    @property
    def state(self) -> tuple[str, str, str, str]:
        """What the copy records of it, in the order of unwind_copy.copied."""
        return self.release_id, self.home_id, fingerprint(list(self.tables)), hash_version()


class DriftedError(Exception):
    """The copy holds other rows than it recorded: somebody else has written to it."""


def copy_release(home: Home, report: Progress) -> Copied:
    """Makes the marts of PostgreSQL those of the current release.

    Raises PostgresError, NoReleaseError, SettingError, duckdb.Error.
    """
    target, readers = server(), settings().postgres_readers
    path = current_db(home).resolve()
    identity = home.identity.read_text() if home.identity.is_file() else ""
    with connect(home, path, read_only=True) as release:
        source = Source(path.parent.name, identity, path.parent, release, tables_of(release))
        with _errors_of(target), target.connect() as connection:
            try:
                copied = _copy(connection, source, readers, target, report, may_update=True)
            except DriftedError:
                connection.rollback()
                copied = _copy(connection, source, readers, target, report, may_update=False)
    report("copied", 1, 1)
    return copied


def _copy(
    connection: Connection,
    source: Source,
    readers: Sequence[str],
    target: Server,
    report: Progress,
    may_update: bool,
) -> Copied:
    with connection.cursor() as cursor:
        _begin(cursor, target)
        _check_readers(cursor, readers)
        state = _state(cursor)
        if state == source.state and may_update and _is_whole(cursor, source.tables):
            how, rows = "unchanged", 0
        elif may_update and _follows(cursor, source, state):
            how, rows = "updated", _update(cursor, source, report)
        else:
            how, rows = "swapped", _build(cursor, source, report)
            _grant(cursor, "marts_next", readers)
            report("swapping the schema", 0, 1)
            _swap(cursor, source.tables)
        if how != "swapped":
            _grant(cursor, "marts", readers)
        if how != "unchanged":
            cursor.execute("delete from unwind_copy.copied")
            cursor.execute(
                "insert into unwind_copy.copied (release_id, home_id, fingerprint, hashed_by)"
                " values ($1, $2, $3, $4)",
                source.state,
            )
    connection.commit()
    return Copied(source.release_id, how, rows, target.shown)


def _begin(cursor: Cursor, target: Server) -> None:
    """Begins the transaction: the only one that copies, in UTC. Raises PostgresError."""
    cursor.execute("set local time zone 'UTC'")
    # Of a user's settings these would change what is written, or end it.
    cursor.execute("set local statement_timeout = 0")
    cursor.execute("set local standard_conforming_strings = on")
    cursor.execute("set local client_min_messages = warning")
    version = int(_value(cursor, "select current_setting('server_version_num')"))
    if version < MIN_SERVER_VERSION:
        raise PostgresError(
            f"PostgreSQL at {target.shown} is of version {version // 10000}; the copy needs "
            f"{MIN_SERVER_VERSION // 10000} or later"
        )
    if not _value(cursor, f"select pg_try_advisory_xact_lock({LOCK})"):
        raise PostgresError(
            f"another copy to PostgreSQL at {target.shown} is running; it takes the newest "
            "release, or run this again when it has ended"
        )


def _check_readers(cursor: Cursor, readers: Sequence[str]) -> None:
    """Raises PostgresError for a role that is not there, or that could write or read files."""
    for role in readers:
        cursor.execute("select rolsuper from pg_roles where rolname = $1", (role,))
        if not cursor.fetchall():
            raise PostgresError(
                f"the server has no role {role!r}, which {POSTGRES_READERS} names; make it with "
                f"`create role {quoted(role)} login password '...'`"
            )
        powers = _value(
            cursor,
            "select coalesce(string_agg(rolname, ', ' order by rolname), '') from pg_roles where"
            " pg_has_role($1, oid, 'member') and (rolsuper or rolname in ('pg_read_server_files',"
            " 'pg_write_server_files', 'pg_execute_server_program', 'pg_write_all_data',"
            " current_user))",
            role,
        )
        if powers:
            raise PostgresError(
                f"the role {role!r}, which {POSTGRES_READERS} names, is more than a reader: it has "
                f"the rights of {powers}; take them away, or name another role"
            )


def _state(cursor: Cursor) -> tuple[str, ...] | None:
    """What is copied, as Source.state; None before the first copy. Raises PostgresError."""
    if _value(cursor, "select to_regclass('unwind_copy.copied') is null"):
        if _value(cursor, "select exists (select from pg_namespace where nspname = 'marts')"):
            raise PostgresError(
                "the database has a schema marts that is no copy of Unwind's: name another "
                f"database in {VARIABLE}, or drop the schema"
            )
        cursor.execute("create schema unwind_copy")
        cursor.execute(STATE)
        cursor.execute(PARTS)
        return None
    cursor.execute("select release_id, home_id, fingerprint, hashed_by from unwind_copy.copied")
    row = cursor.fetchone()
    return tuple(row) if row else None


def _follows(cursor: Cursor, source: Source, state: tuple[str, ...] | None) -> bool:
    """Whether the release comes after the one copied, from the same home, in the same tables."""
    if state is None or state[1:] != source.state[1:]:
        return False
    is_later = order_of(state[0]) <= order_of(source.release_id)
    return is_later and _is_whole(cursor, source.tables)


def _is_whole(cursor: Cursor, tables: Sequence[Table]) -> bool:
    """Whether nobody has dropped a table, or a column of one."""
    cursor.execute(
        "select table_name, column_name from information_schema.columns"
        " where table_schema = 'marts'"
    )
    there = {(table, column) for table, column in cursor.fetchall()}
    return there == {(one.name, column.name) for one in tables for column in one.columns}


def _build(cursor: Cursor, source: Source, report: Progress) -> int:
    """Copies every mart into schema marts_next, and their parts. Returns the rows."""
    cursor.execute("drop schema if exists marts_next cascade")
    cursor.execute("create schema marts_next")
    cursor.execute("delete from unwind_copy.parts")
    rows = 0
    for place, table in enumerate(source.tables):
        report(f"copying {table.name}", place, len(source.tables))
        cursor.execute(table.created("marts_next"))
        rows += _insert(cursor, source, table, "marts_next", "true")
        # At once, as a round trip for each of a thousand comments takes seconds.
        statements = "; ".join(table.described("marts_next"))
        body = f"$described_{uuid.uuid4().hex}$"
        cursor.execute(f"do {body} begin {statements}; end {body}")
        cursor.execute(f"analyze marts_next.{quoted(table.name)}")
        _insert_parts(cursor, source, parts.parts_query(table))
    return rows


def _swap(cursor: Cursor, tables: Sequence[Table]) -> None:
    """Gives marts_next the name marts, at an instant when nobody reads. Raises PostgresError.

    A transaction that has read one of the old tables must not find another one replaced.
    """
    if _value(cursor, "select exists (select from pg_namespace where nspname = 'marts')"):
        _lock_old(cursor)
        cursor.execute("drop schema marts cascade")
    cursor.execute("alter schema marts_next rename to marts")


def _lock_old(cursor: Cursor) -> None:
    until = time.monotonic() + SWAP_SECONDS
    while True:
        cursor.execute(LOCKED)
        if _value(cursor, "select current_setting('unwind.is_locked')") == "yes":
            return
        if time.monotonic() > until:
            raise PostgresError(_who_reads(cursor))
        time.sleep(BETWEEN_TRIES_SECONDS)


def _who_reads(cursor: Cursor) -> str:
    cursor.execute(
        "select distinct pid from pg_locks inner join pg_class on pg_class.oid = relation"
        " where relnamespace = 'marts'::regnamespace and pid <> pg_backend_pid() order by pid"
    )
    listed = ", ".join(str(pid) for (pid,) in cursor.fetchall()) or "none now"
    return (
        "the schema cannot be swapped while transactions that have read it stay open (process ids "
        f"of the server: {listed}); end them, then copy again; readers are on the release before"
    )


def _update(cursor: Cursor, source: Source, report: Progress) -> int:
    """Replaces the parts that differ; returns the rows inserted. Raises DriftedError."""
    now = parts.contents_of(source.folder)
    differing = parts.differing_days(_copied_days(cursor), now)
    # A release records nothing of tables that are no marts of this code: all their days may differ.
    unknown = [table.name for table in source.tables if table.name not in marts()]
    days = {**differing, **dict.fromkeys(unknown)}
    tables = [table for table in source.tables if table.name in days]
    rows = 0
    for place, table in enumerate(tables):
        report(f"updating {table.name}", place, len(tables))
        rows += _replace(cursor, source, table, days[table.name])
    return rows


def _copied_days(cursor: Cursor) -> Contents:
    cursor.execute(
        "select mart, day, sum(row_count)::bigint, sum(content::numeric)::text"
        " from unwind_copy.parts group by mart, day"
    )
    return {(mart, day): Rows(count, content) for mart, day, count, content in cursor.fetchall()}


def _replace(cursor: Cursor, source: Source, table: Table, days: set[date | None] | None) -> int:
    """Replaces the differing parts of a table in some of its days, or in all.

    Returns the rows inserted. Raises DriftedError.
    """
    cursor.execute(
        "select day, from_at, row_count, content from unwind_copy.parts where mart = $1",
        (table.name,),
    )
    before = {
        start: Rows(count, content)
        for day, start, count, content in cursor.fetchall()
        if days is None or day in days
    }
    now = parts.parts_of(source.connection, table, days)
    changed = parts.differing(before, now)
    if not changed:
        return 0
    cursor.execute("drop table if exists pg_temp.replaced")
    cursor.execute("create temporary table replaced (from_at timestamp) on commit drop")
    cursor.executemany("insert into replaced values ($1)", [(part,) for part in changed])
    cursor.execute("analyze pg_temp.replaced")
    deleted = _value(cursor, _delete(table))
    _expect(deleted, [before[part] for part in changed & before.keys()])
    rows = _insert(cursor, source, table, "marts", parts.rows_within(table, changed))
    _expect(rows, [now[part] for part in changed & now.keys()])
    cursor.execute(
        "delete from unwind_copy.parts using replaced where mart = $1"
        " and parts.from_at is not distinct from replaced.from_at",
        (table.name,),
    )
    listed = f"from_at in ({_instants(changed)})" + (
        " or from_at is null" if None in changed else ""
    )
    query = f"select * from ({parts.parts_query(table, days)}) as found where {listed}"
    _insert_parts(cursor, source, query)
    return rows


def _delete(table: Table) -> str:
    """The statement that deletes the rows of the parts in `replaced`, and counts them."""
    name = f"marts.{quoted(table.name)}"
    column = f"{name}.{quoted(table.dated_by)}" if table.dated_by else ""
    if not column:
        where = "true"
    elif table.is_hourly:
        where = f"{column} in (select from_at from replaced)"
    else:
        where = (
            f"exists (select from replaced where {column} >= from_at"
            f" and {column} < from_at + interval '1 day')"
        )
    if column:
        where = (
            f"{where} or ({column} is null and exists (select from replaced where from_at is null))"
        )
    return (
        f"with deleted as (delete from {name} where {where} returning 1)"
        " select count(*) from deleted"
    )


def _expect(found: int, recorded: Sequence[Rows]) -> None:
    if found != sum(rows.count for rows in recorded):
        raise DriftedError


def _insert(cursor: Cursor, source: Source, table: Table, schema: str, where: str) -> int:
    """Streams rows of a mart into a table of that schema; returns how many."""
    release = source.connection
    query = f"select {table.selected} from marts.{quoted(table.name)} where {where}"
    reader = release.execute(query).to_arrow_reader(ROWS_PER_BATCH)
    return int(cursor.adbc_ingest(table.name, reader, mode="append", db_schema_name=schema))


def _insert_parts(cursor: Cursor, source: Source, query: str) -> None:
    reader = source.connection.execute(query).to_arrow_reader(ROWS_PER_BATCH)
    cursor.adbc_ingest("parts", reader, mode="append", db_schema_name="unwind_copy")


def _grant(cursor: Cursor, schema: str, readers: Sequence[str]) -> None:
    """Lets the readers read the schema, and what is added to it, where they cannot yet."""
    for name in readers:
        role = quoted(name)
        lacking = _value(
            cursor,
            f"select not has_schema_privilege($1, '{schema}', 'usage') or exists (select from"
            f" pg_class where relnamespace = '{schema}'::regnamespace and relkind = 'r'"
            " and not has_table_privilege($1, oid, 'select'))",
            name,
        )
        if not lacking:
            continue
        cursor.execute(f"grant usage on schema {schema} to {role}")
        cursor.execute(f"grant select on all tables in schema {schema} to {role}")
        cursor.execute(
            f"alter default privileges in schema {schema} grant select on tables to {role}"
        )


def _value(cursor: Cursor, query: str, *parameters: object) -> Any:
    """The one value of a query."""
    cursor.execute(query, parameters or None)
    [(value,)] = cursor.fetchall()
    return value


def _instants(changed: set[datetime | None]) -> str:
    return ", ".join(f"timestamp {literal(str(part))}" for part in changed if part) or "null"


@contextmanager
def _errors_of(target: Server) -> Iterator[None]:
    """The driver's errors as sentences, without anything secret."""
    from adbc_driver_manager import Error

    try:
        yield
    except Error as error:
        raise PostgresError(
            f"PostgreSQL at {target.shown} refused the copy: {target.sentence(error)}; readers "
            "are on the release before"
        ) from None
