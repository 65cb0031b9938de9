"""An episode's row grows until it is confirmed: only a change of a final row is a revision."""

from __future__ import annotations

import duckdb
import pytest

from unwind.warehouse import changed_rows

EPISODES = (
    "(hour_at timestamp, base_asset varchar, started_at timestamp, long_usd decimal(38, 4),"
    " confirmed_at timestamp)"
)
# Hours 00 to 10 were released before; now 11 is built as well, and 09 and 10 once more.
TABLES = f"""
attach ':memory:' as warehouse;
attach ':memory:' as former;
attach ':memory:' as staging;
create schema warehouse.marts;
create schema former.marts;
create schema staging.ops;
use warehouse;
create table staging.ops.hours as
    select timestamp '2026-01-29' + to_hours(h::integer) as hour_at from range(12) as hours(h);
create table staging.ops.pending_hours as from staging.ops.hours where hour(hour_at) >= 9;
create table staging.ops.build_batches (batch_id varchar);
create table staging.ops.empty_days (utc_date date);
create table former.marts.liquidation_episodes {EPISODES};
create table warehouse.marts.liquidation_episodes {EPISODES};
create table marts.mart_revisions (
    release_id varchar, mart varchar, change_kind varchar, row_key varchar, hour_at timestamp,
    column_name varchar, value_before varchar, value_after varchar, cause varchar, batch_ids varchar
);
create temp table this_release as select 'newest' as release_id;
create temp table former_hours as
    select timestamp '2026-01-29' as first_hour_at, timestamp '2026-01-29 10:00' as last_hour_at;
create temp table revising as
    select 'hour-11' as batch_id, 'later_batch' as cause, 1 as place,
        timestamp '2026-01-29 11:00' as first_hour_at, timestamp '2026-01-29 11:00' as last_hour_at;
"""


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(TABLES)
    return connection


def row(hour: int, asset: str, dollars: int, *, is_final: bool) -> str:
    confirmed_at = f"timestamp '2026-01-29 {hour + 1}:00'" if is_final else "null"
    return (
        f"(timestamp '2026-01-29 {hour:02}:00', '{asset}', timestamp '2026-01-28 09:30', {dollars},"
        f" {confirmed_at})"
    )


def written(connection: duckdb.DuckDBPyConnection, former: list[str], now: list[str]) -> list:
    for database, rows in (("former", former), ("warehouse", now)):
        connection.execute(
            f"insert into {database}.marts.liquidation_episodes values {', '.join(rows)}"
        )
    changed_rows.write_cells(connection)
    return connection.execute(
        "select change_kind, row_key->>'base_asset', column_name, value_before, value_after"
        " from marts.mart_revisions order by all"
    ).fetchall()


def test_a_row_that_moves_on_with_the_warehouse_is_no_revision(connection) -> None:
    former = [row(10, "BTC", 5, is_final=False), row(10, "ETH", 6, is_final=True)]
    now = [row(11, "BTC", 9, is_final=True), row(10, "ETH", 6, is_final=True)]
    assert written(connection, former, now) == []


def test_a_changed_final_row_is_a_revision(connection) -> None:
    former = [row(10, "BTC", 5, is_final=False), row(10, "ETH", 6, is_final=True)]
    now = [row(11, "BTC", 9, is_final=False), row(10, "ETH", 8, is_final=True)]
    assert written(connection, former, now) == [("changed", "ETH", "long_usd", "6.0000", "8.0000")]
