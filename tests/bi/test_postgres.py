"""The copy of the marts in PostgreSQL: equal, whole, and only to be read."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import duckdb
import psycopg2
import pytest
from serving import NOW, OWNER_PASSWORD, READER_PASSWORD
from typer.testing import CliRunner

from unwind.cli import app
from unwind.errors import SettingError, UnwindError
from unwind.outputs import postgres as copying
from unwind.outputs.postgres import copy_release
from unwind.outputs.postgres_connection import PostgresError, server
from unwind.outputs.postgres_tables import tables_of
from unwind.progress import no_progress
from unwind.settings import Home
from unwind.warehouse import releases
from unwind.warehouse.continuity import WRITTEN_AT_PUBLISHING
from unwind.warehouse.promises import Column, key_of, marts

NAMES = "select table_name from duckdb_tables() where schema_name = 'marts'"
# What a cell of each type holds in row `n` of the hour that begins at `h`.
CELLS = {
    "varchar": "'{column} ' || n || ' of ' || h",
    "timestamp": "h + to_microseconds(n)",
    "date": "h::date + n::integer",
    "boolean": "n % 2 = 0",
    "integer": "n",
    "bigint": "9000000000000000000 + n",
    "double": "0.1 + n",
    "uuid": "md5(h::varchar || n)::uuid",
}


def cell(column: Column) -> str:
    kind, name = column.data_type, column.name
    if name in ("hour_at", "minute_at"):
        return "h"
    if kind.startswith("decimal"):
        # All 38 digits: the smallest step beside the largest whole part.
        digits = int(kind.split(",")[1].rstrip(")"))
        return f"({'9' * (37 - digits)}::{kind} + n + {'0.' + '0' * (digits - 1)}1::{kind})"
    filled = CELLS[kind].format(column=name)
    return filled if column.is_not_null else f"if(n = 2, null, {filled})"


def fill(home: Home, hour: str) -> None:
    """Three rows of every mart in an hour; in the third all that may be null is."""
    releases.take_own_copy(home)
    with duckdb.connect(str(home.warehouse_db)) as warehouse:
        for (name,) in warehouse.execute(NAMES).fetchall():
            if name in WRITTEN_AT_PUBLISHING:
                continue
            # One row where the hour alone is the key.
            rows = 1 if key_of(marts()[name]) == ("hour_at",) else 3
            cells = ", ".join(map(cell, marts()[name].columns))
            warehouse.execute(
                f"insert into marts.{name} select {cells}"
                f" from range({rows}) as rows(n), (select timestamp '{hour}' as h)"
            )


def as_plain(value: object) -> object:
    """A value as both programs give it: instants in UTC without a zone, ids as text."""
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC).replace(tzinfo=None)
    if value is None or isinstance(value, (bool, int, float, Decimal, date)):
        return value
    return str(value)


def sorted_rows(rows: list[tuple]) -> list[tuple]:
    return sorted((tuple(map(as_plain, row)) for row in rows), key=repr)


def assert_equal_to_the_current_release(home: Home, postgres) -> int:
    """Compares every cell of every mart; returns how many rows there were."""
    compared = 0
    with (
        duckdb.connect(str(home.current / "warehouse.duckdb"), read_only=True) as release,
        contextlib.closing(postgres.reader()) as reader,
        reader.cursor() as cursor,
    ):
        for (name,) in release.execute(NAMES).fetchall():
            relation = release.execute(f"select * from marts.{name}")
            columns = [one[0] for one in relation.description]
            cursor.execute(f"select * from marts.{name}")
            assert [one.name for one in cursor.description] == columns
            there = sorted_rows(cursor.fetchall())
            assert there == sorted_rows(relation.fetchall()), name
            compared += len(there)
    return compared


def rows_of(connection, query: str, *parameters: object) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters or None)
        return cursor.fetchall()


def test_a_later_release_replaces_the_hours_that_differ_and_a_roll_back_everything(home, postgres):
    fill(home, "2026-01-29 11:00")
    fill(home, "2026-01-29 12:00")
    first = releases.publish(home, "run-2", NOW + timedelta(hours=1))
    copied = copy_release(home, no_progress)
    assert (copied.release_id, copied.how) == (first, "swapped")
    # Three rows in each of the two hours, of most marts.
    assert copied.rows == assert_equal_to_the_current_release(home, postgres) > 250
    assert copy_release(home, no_progress).how == "unchanged"

    written = "select xmin::text, hour_at from marts.exchange_breakdown where venue <> 'ALL'"
    with contextlib.closing(postgres.reader()) as reader:
        before = set(rows_of(reader, written))
    releases.take_own_copy(home)
    with duckdb.connect(str(home.warehouse_db)) as warehouse:
        warehouse.execute(
            "update marts.exchange_breakdown set long_usd = 7.0001"
            " where hour_at = '2026-01-29 12:00' and base_asset like '% 1 %'"
        )
        warehouse.execute("delete from marts.leverage_hourly where hour_at = '2026-01-29 12:00'")
        warehouse.execute("delete from marts.dim_assets where base_asset like '% 2 %'")
        warehouse.execute("delete from marts.landing_outcomes where batch_id like '% 1 %'")
    fill(home, "2026-01-30 00:00")
    second = releases.publish(home, "run-3", NOW + timedelta(hours=2))
    copied = copy_release(home, no_progress)
    assert (copied.release_id, copied.how) == (second, "updated")
    assert_equal_to_the_current_release(home, postgres)
    with contextlib.closing(postgres.reader()) as reader:
        after = set(rows_of(reader, written))
        [(usd,)] = rows_of(
            reader,
            "select long_usd from marts.exchange_breakdown where hour_at = '2026-01-29 12:00+00'"
            " and base_asset like %s",
            "% 1 %",
        )
    assert str(usd) == "7.0001"
    # Rows of 12:00 are new ones, and those of 11:00 and 14:00 are as they were written.
    kept = {(row, hour) for row, hour in before if hour.hour in (11, 14)}
    assert len({hour for _, hour in kept}) == 2
    assert after & before == kept

    releases.roll_back(home, first)
    copied = copy_release(home, no_progress)
    assert (copied.release_id, copied.how) == (first, "swapped")
    assert_equal_to_the_current_release(home, postgres)
    releases.roll_back(home, second)
    assert copy_release(home, no_progress).how == "updated"
    assert_equal_to_the_current_release(home, postgres)


def test_comments_keys_and_indexes_are_those_of_the_marts(home, contracts, postgres):
    copy_release(home, no_progress)
    with contextlib.closing(postgres.reader()) as reader:
        [(table, column)] = rows_of(
            reader,
            "select obj_description('marts.leverage_hourly'::regclass),"
            " col_description('marts.leverage_hourly'::regclass, 1)",
        )
        assert table == contracts["leverage_hourly"]["description"]
        assert column == contracts["leverage_hourly"]["columns"][0]["description"]
        indexes = {
            name: {
                text.split(" USING btree ")[1]
                for (text,) in rows_of(
                    reader, "select indexdef from pg_indexes where tablename = %s", name
                )
            }
            for name in ("leverage_hourly", "fct_liquidations", "fct_prices", "gate_results")
        }
        primary = rows_of(
            reader,
            "select relname from pg_index inner join pg_class on pg_class.oid = indrelid"
            " where indisprimary and relnamespace = 'marts'::regnamespace",
        )
        types = dict(
            rows_of(
                reader,
                "select column_name, data_type || coalesce(' ' || numeric_precision || ' '"
                " || numeric_scale, '') from information_schema.columns"
                " where table_schema = 'marts' and table_name = 'fct_liquidations'",
            )
        )
    assert indexes["leverage_hourly"] == {"(hour_at, base_asset)", "(base_asset, hour_at)"}
    assert indexes["fct_liquidations"] == {
        "(liquidation_id)",
        "(hour_at)",
        "(base_asset, hour_at)",
    }
    assert (
        "(venue, instrument, price_kind, observed_at, bar_seconds) NULLS NOT DISTINCT"
        in indexes["fct_prices"]
    )
    assert (
        "(run_id, gate, suite, expectation, md5(observed), md5(message)) NULLS NOT DISTINCT"
        in (indexes["gate_results"])
    )
    assert {"leverage_hourly", "fct_liquidations", "release"} <= {name for (name,) in primary}
    assert types["event_at"] == "timestamp with time zone"
    assert types["notional_usd"] == "numeric 38 4"
    assert types["liquidation_id"] == "uuid"


REFUSED = [
    "insert into marts.release (release_id) values ('mine')",
    "update marts.exchange_breakdown set long_usd = 0",
    "delete from marts.exchange_breakdown",
    "truncate marts.exchange_breakdown",
    "drop table marts.release",
    "create table marts.mine (n integer)",
    "create table public.mine (n integer)",
    "create temporary table mine (n integer)",
    "create schema mine",
    "select * from unwind_copy.copied",
    "select pg_read_file('/etc/hostname')",
    "select pg_ls_dir('/')",
    "select lo_import('/etc/hostname')",
    "copy marts.release from '/etc/hostname'",
    "copy (select 1) to '/tmp/unwind-written'",
    "copy marts.release from program 'id'",
    "create extension file_fdw schema marts",
    "create function marts.f() returns int language c as '/lib/x.so', 'f'",
    "alter role unwind_reader superuser",
    "set role unwind",
    "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'unwind'",
]


def test_a_reader_can_neither_write_nor_read_files_of_the_server(few, postgres):
    copy_release(few, no_progress)
    with (
        contextlib.closing(postgres.owner()) as owner,
        contextlib.closing(postgres.reader()) as reader,
    ):
        # The owner's session is there to be ended.
        assert rows_of(owner, "select 1") == [(1,)]
        # A setting of the role, which a reader may take back: rights are what counts.
        reader.set_session(readonly=False)
        allowed = []
        for statement in REFUSED:
            try:
                rows_of(reader, statement)
            except (psycopg2.errors.InsufficientPrivilege, psycopg2.errors.UndefinedFile):
                pass
            except psycopg2.ProgrammingError as error:
                allowed.append(f"{statement}: {error!r}")
            else:
                allowed.append(statement)
            reader.rollback()
        assert allowed == []
        assert rows_of(reader, "select count(*) from marts.release") == [(1,)]
    with pytest.raises(psycopg2.OperationalError, match="permission denied"):
        psycopg2.connect(
            **postgres.words("unwind_reader", READER_PASSWORD, "postgres")
        ).cursor().execute("select 1")


def test_a_role_that_is_more_than_a_reader_is_refused(few, postgres, monkeypatch):
    monkeypatch.setenv("UNWIND_POSTGRES_READERS", "unwind_reader, nobody")
    with pytest.raises(PostgresError, match=r"no role 'nobody'.*create role"):
        copy_release(few, no_progress)
    monkeypatch.setenv("UNWIND_POSTGRES_READERS", "admin")
    with pytest.raises(PostgresError, match=r"'admin'.*more than a reader.*pg_read_server_files"):
        copy_release(few, no_progress)
    monkeypatch.setenv("UNWIND_POSTGRES_READERS", "")
    assert copy_release(few, no_progress).how == "swapped"
    with (
        contextlib.closing(postgres.reader()) as reader,
        pytest.raises(psycopg2.errors.InsufficientPrivilege),
    ):
        rows_of(reader, "select * from marts.release")
    # Given with the next copy, though the release is there already.
    monkeypatch.setenv("UNWIND_POSTGRES_READERS", "unwind_reader")
    assert copy_release(few, no_progress).how == "unchanged"
    with contextlib.closing(postgres.reader()) as reader:
        assert rows_of(reader, "select run_id from marts.release") == [("run-1",)]


def killed_at(phase: str) -> None:
    """Copies the release of UNWIND_HOME; the process kills itself at a step."""

    def report(step: str, done: int, total: int, /) -> None:
        if step == phase:
            os.kill(os.getpid(), signal.SIGKILL)

    copy_release(Home.from_env(), report)


def test_a_killed_copy_leaves_what_was_there(few, postgres):
    spawn = multiprocessing.get_context("spawn")

    def kill(phase: str) -> None:
        process = spawn.Process(target=killed_at, args=(phase,))
        process.start()
        process.join(60)
        assert process.exitcode == -signal.SIGKILL

    question = "select count(*), max(run_id) from marts.release"
    kill("swapping the schema")
    with contextlib.closing(postgres.owner()) as owner:
        assert rows_of(owner, "select to_regclass('marts.release')") == [(None,)]
    copy_release(few, no_progress)
    fill(few, "2026-01-29 15:00")
    releases.publish(few, "run-2", NOW + timedelta(hours=1))
    # In the middle: breakdown and facts are replaced, stress is not.
    kill("updating stress_hourly")
    with contextlib.closing(postgres.reader()) as reader:
        assert rows_of(reader, question) == [(1, "run-1")]
        assert rows_of(reader, "select count(*) from marts.exchange_breakdown") == [(5,)]
    assert copy_release(few, no_progress).how == "updated"
    assert_equal_to_the_current_release(few, postgres)


def test_rows_that_another_program_changed_lead_to_a_whole_copy(few, postgres):
    copy_release(few, no_progress)
    with contextlib.closing(postgres.owner()) as owner, owner, owner.cursor() as cursor:
        cursor.execute("delete from marts.exchange_breakdown where venue = 'binance'")
    releases.take_own_copy(few)
    with duckdb.connect(str(few.warehouse_db)) as warehouse:
        warehouse.execute("update marts.exchange_breakdown set events = 1 where venue = 'ALL'")
    releases.publish(few, "run-2", NOW + timedelta(hours=1))
    assert copy_release(few, no_progress).how == "swapped"
    assert_equal_to_the_current_release(few, postgres)
    with contextlib.closing(postgres.owner()) as owner, owner, owner.cursor() as cursor:
        cursor.execute("drop table marts.stress_hourly")
    assert copy_release(few, no_progress).how == "swapped"
    assert_equal_to_the_current_release(few, postgres)


def test_text_that_postgresql_cannot_hold_stops_no_copy(few, postgres):
    releases.take_own_copy(few)
    with duckdb.connect(str(few.warehouse_db)) as warehouse:
        warehouse.execute(
            "insert into marts.unrecognised_symbols (hour_at, venue, dataset, symbol)"
            " values ('2026-01-29 14:00', 'okx', 'prices', 'BTC' || chr(0) || '$')"
            ", ('2026-01-29 14:00', 'okx', 'prices', repeat('x', 100000) || random())"
        )
    releases.publish(few, "run-2", NOW + timedelta(hours=1))
    copy_release(few, no_progress)
    with contextlib.closing(postgres.reader()) as reader:
        [(symbol,), (long,)] = rows_of(
            reader, "select symbol from marts.unrecognised_symbols order by length(symbol)"
        )
    assert symbol == "BTC\ufffd$"
    assert len(long) > 100000


def test_one_copy_at_a_time(few, postgres):
    with contextlib.closing(postgres.owner()) as other:
        rows_of(other, "select pg_advisory_xact_lock(%s)", copying.LOCK)
        with pytest.raises(PostgresError, match=r"another copy .* is running"):
            copy_release(few, no_progress)
        other.rollback()
        assert copy_release(few, no_progress).how == "swapped"


def test_a_swap_waits_for_readers_and_names_those_that_stay(few, postgres, monkeypatch):
    copy_release(few, no_progress)
    releases.publish(few, "run-2", NOW + timedelta(hours=1))
    copy_release(few, no_progress)
    releases.roll_back(few, "20260129T150200Z-00")
    monkeypatch.setattr(copying, "SWAP_SECONDS", 0.2)
    with contextlib.closing(postgres.reader()) as reader:
        question = "select run_id from marts.release"
        assert rows_of(reader, question) == [("run-2",)]
        [(pid,)] = rows_of(reader, "select pg_backend_pid()")
        with pytest.raises(PostgresError, match=f"stay open .*: {pid}\\)"):
            copy_release(few, no_progress)
        assert rows_of(reader, question) == [("run-2",)]
        reader.commit()
        copy_release(few, no_progress)
        assert rows_of(reader, question) == [("run-1",)]


def test_a_transaction_of_a_reader_stays_on_its_release_while_hours_are_replaced(few, postgres):
    copy_release(few, no_progress)
    with contextlib.closing(postgres.reader()) as reader:
        reader.set_session(isolation_level="REPEATABLE READ")
        question = "select run_id from marts.release"
        assert rows_of(reader, question) == [("run-1",)]
        releases.take_own_copy(few)
        with duckdb.connect(str(few.warehouse_db)) as warehouse:
            warehouse.execute("update marts.exchange_breakdown set events = 0")
        releases.publish(few, "run-2", NOW + timedelta(hours=1))
        assert copy_release(few, no_progress).how == "updated"
        assert rows_of(reader, "select sum(events) from marts.exchange_breakdown") == [(8412,)]
        reader.commit()
        assert rows_of(reader, "select sum(events) from marts.exchange_breakdown") == [(0,)]


def test_a_schema_of_somebody_else_is_left_alone(few, postgres):
    with contextlib.closing(postgres.owner()) as owner, owner, owner.cursor() as cursor:
        cursor.execute("create schema marts")
        cursor.execute("create table marts.mine as select 42 as n")
    with pytest.raises(PostgresError, match="schema marts that is no copy of Unwind's"):
        copy_release(few, no_progress)
    with contextlib.closing(postgres.owner()) as owner:
        assert rows_of(owner, "select n from marts.mine") == [(42,)]


TRACES = (*(OWNER_PASSWORD, READER_PASSWORD), "s3cr3t", "s3cr3t%2F")


def connections(folder: str) -> Iterator[tuple[str, str]]:
    at = f"host={folder}"
    yield "wrong password", f"postgresql://unwind:s3cr3t-wrong@/unwind?{at}"
    yield "no such database", f"postgresql://unwind:s3cr3t%2Fown%26er%3D42@/s3cr3t?{at}"
    yield "no server", "postgresql://unwind:s3cr3t%2Fx@127.0.0.1:9/unwind"
    yield "a password with a slash", "postgresql://unwind:s3cr3t/x@127.0.0.1/unwind"
    yield "a password that starts like a port", "postgresql://unwind:12/s3cr3t@127.0.0.1/unwind"
    yield "a password with a question mark", "postgresql://unwind:99?s3cr3t@127.0.0.1/unwind"
    yield "an unknown word", f"postgresql://unwind:x@/unwind?{at}&s3cr3t=s3cr3t"
    yield "a wrong value", f"postgresql://unwind:x@/unwind?{at}&sslmode=s3cr3t"
    yield "JSON that is cut", '{"host": "127.0.0.1", "password": "s3cr3t'
    yield "JSON of a list", '{"host": ["s3cr3t"]}'
    yield "JSON", json.dumps({"host": folder, "login": "unwind", "password": "s3cr3t", "extra": {}})
    yield "another scheme", "mysql://unwind:s3cr3t@127.0.0.1/unwind"


def test_no_error_shows_anything_of_a_connection_but_its_host(few, postgres, monkeypatch):
    for what, value in connections(str(postgres.folder)):
        monkeypatch.setenv("AIRFLOW_CONN_MARTS_POSTGRES", value)
        ran = CliRunner().invoke(app, ["copy-to-postgres"])
        assert ran.exit_code in (1, 2), what
        assert ran.stderr.startswith("unwind: "), what
        assert "AIRFLOW_CONN_MARTS_POSTGRES" in ran.stderr, what
        assert [trace for trace in TRACES if trace in ran.output + ran.stderr] == [], what
    with pytest.raises(UnwindError) as refused:
        copy_release(few, no_progress)
    assert refused.value.__cause__ is None


def test_a_connection_is_read_in_both_forms_of_airflow(monkeypatch):
    words = {
        "host": "db.example",
        "port": "5433",
        "dbname": "unwind",
        "user": "u",
        "password": "p/w",
    }
    for value in (
        "postgresql://u:p%2Fw@db.example:5433/unwind?sslmode=require",
        '{"conn_type": "postgres", "host": "db.example", "port": 5433, "schema": "unwind",'
        ' "login": "u", "password": "p/w", "extra": "{\\"sslmode\\": \\"require\\"}"}',
        "postgres://u:p%2Fw@db.example:5433/unwind?__extra__=%7B%22sslmode%22%3A+%22require%22%7D",
    ):
        monkeypatch.setenv("AIRFLOW_CONN_MARTS_POSTGRES", value)
        found = server()
        assert {**words, "sslmode": "require"}.items() <= found.words.items()
        assert found.shown == "db.example:5433"
        assert "p/w" not in repr(found)
    monkeypatch.delenv("AIRFLOW_CONN_MARTS_POSTGRES")
    with pytest.raises(SettingError, match="is not set; set it to a URL such as postgresql://"):
        server()


def test_every_type_of_a_mart_has_its_counterpart(made):
    with duckdb.connect(str(made.current / "warehouse.duckdb"), read_only=True) as release:
        tables = tables_of(release)
    named = {column.postgres_type for table in tables for column in table.columns}
    assert named == {
        *("bigint", "boolean", "date", "double precision", "integer", "text", "timestamptz"),
        *("numeric(38, 2)", "numeric(38, 4)", "numeric(38, 6)", "numeric(38, 12)", "uuid"),
    }
    assert all(table.key and table.comment for table in tables)
