"""The relations that a gate judges: in schema `gate`, limited to what is being built."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from unwind.database import quoted
from unwind.warehouse import suites as stated
from unwind.warehouse.gate_context import columns_of, run_sql
from unwind.warehouse.promises import (
    BATCHES,
    DAYS,
    EVENTS,
    HOURS,
    OBSERVATIONS,
    OTHERS,
    Mart,
    column_types,
    marts,
    rebuilt_hours,
    replaced_days,
)
from unwind.warehouse.suites import LANDED

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

STAGED_MODEL = "int_liquidations_unioned"
STAGED_RELATION = f"staging.intermediate.{STAGED_MODEL}"
OBSERVATION_COLUMNS = {"batch_id", "venue", "observed_at", "reject_reason"}


def name_landed(connection: Connection) -> None:
    """Names what the landed suites judge: gate.landed_schema, _parts, _coverage, _observations."""
    found = columns_of(connection, STAGED_RELATION)
    rows = ", ".join(
        f"({quoted(name)}, {quoted(kind)}, {quoted(found[name]) if name in found else 'null'},"
        f" {_fits(kind, found.get(name))})"
        for name, kind in column_types(STAGED_MODEL).items()
    )
    run_sql(
        connection,
        "create table gate.landed_schema as select * from (values "
        f"{rows}) as listed(column_name, expected_type, actual_type, type_fits)",
    )
    (sealed_from,) = run_sql(
        connection,
        "select min(sealed_at) from staging.ops.batches"
        " semi join staging.ops.build_batches using (batch_id)",
    ).one()
    run_sql(connection, f"create view gate.staged as {_staged_rows(found, sealed_from)}")
    run_sql(connection, (stated.SQL / LANDED / "_relations.sql").read_text())
    run_sql(connection, _observation_parts(_observation_relations(connection)))


def _staged_rows(found: Mapping[str, str], sealed_from: datetime | None) -> str:
    """The staged rows being built, columns that are missing filled with nulls of their type.

    So a missing column fails its own expectation instead of every one. A row has its batch's
    sealed_at (macros/raw_lines.sql): by it DuckDB skips almost all of a long history.
    """
    columns = ", ".join(
        (f"try_cast({name} as {kind}) as {name}" if not _fits(kind, found[name]) else name)
        if name in found
        else f"null::{kind or 'VARCHAR'} as {name}"
        for name, kind in column_types(STAGED_MODEL).items()
    )
    if not found:
        return f"select {columns} where false"
    conditions = ["true"]
    if sealed_from and _fits("TIMESTAMP", found.get("sealed_at")):
        conditions.append(f"sealed_at >= '{sealed_from}'")
    if "batch_id" in found:
        conditions.append("batch_id in (select batch_id from staging.ops.build_batches)")
    return f"select {columns} from {STAGED_RELATION} where {' and '.join(conditions)}"


def _fits(expected: str, actual: str | None) -> bool:
    if not actual:
        return False
    if expected in ("BIGINT", "INTEGER"):
        return actual in ("BIGINT", "INTEGER", "UBIGINT", "UINTEGER", "HUGEINT")
    return not expected or actual == expected


def _observation_relations(connection: Connection) -> list[str]:
    """Staging tables of anything but liquidations that are keyed like observations."""
    listed = run_sql(
        connection,
        "select table_name, list(column_name) from duckdb_columns() where database_name = 'staging'"
        " and schema_name = 'landed' and not ends_with(table_name, '__liquidations')"
        " group by table_name order by table_name",
    ).fetchall()
    return [name for name, columns in listed if set(columns) >= OBSERVATION_COLUMNS]


def _observation_parts(relations: Collection[str]) -> str:
    parts = " union all ".join(
        f"select batch_id, venue, {quoted(name)} as relation, reject_reason, observed_at"
        f" from staging.landed.{name} where batch_id in (select batch_id from gate.building)"
        for name in relations
    )
    empty = (
        "select null::varchar as batch_id, null::varchar as venue, null::varchar as relation,"
        " null::varchar as reject_reason, null::timestamp as observed_at where false"
    )
    return f"""
        create table gate.landed_observations as
        select
            batch_id,
            venue,
            relation,
            count(*) as row_count,
            -- A series may end in the period that runs; most of its rows being so is a wrong time.
            count(*) filter (where reject_reason = 'unfinished_bar') as unfinished_count,
            count(reject_reason)
                - if(unfinished_count * 2 <= row_count, unfinished_count, 0) as rejected_count,
            rejected_count / row_count as rejected_share,
            mode(reject_reason) as commonest_reject_reason,
            count(*) filter (
                where reject_reason is null and observed_at
                    > building.sealed_at + to_minutes(limits.clock_ahead_minutes)
            ) as ahead_count,
            max(observed_at) as last_observed_at
        from ({parts or empty}) as observed
        inner join gate.building as building using (batch_id)
        cross join gate.limits as limits
        group by batch_id, venue, relation
    """


def name_marts(connection: Connection) -> set[str]:
    """Creates a view of every mart in schema `gate`, limited to what this build replaced.

    Returns the marts that exist. Hourly marts also have a view `hours_of_<mart>`, daily ones
    `days_of_<mart>`: the replaced hours or days.
    """
    present = {
        name
        for (name,) in run_sql(
            connection,
            "select distinct table_name from duckdb_columns()"
            " where database_name = 'warehouse' and schema_name = 'marts'",
        ).fetchall()
    }
    for mart in marts().values():
        replaced = ""
        if mart.partition in (HOURS, DAYS):
            name = f"{'hours' if mart.partition == HOURS else 'days'}_of_{mart.name}"
            rows = rebuilt_hours(mart) if mart.partition == HOURS else replaced_days(mart)
            run_sql(connection, f"create table gate.{name} as {rows}")
            replaced = _within(connection, f"gate.{name}", mart.partition)
        if mart.name in present:
            view = f"create view gate.{mart.name} as {_replaced_rows(mart, replaced)}"
            run_sql(connection, view)
    run_sql(connection, f"create view gate.named_assets as {_named_assets(present)}")
    return present


def _within(connection: Connection, listed: str, column: str) -> str:
    """A condition for the rows of the hours or days that a table lists.

    Its range comes first, as constants: by them DuckDB skips what stands outside, which is almost
    all of a long history.
    """
    first, last = run_sql(connection, f"select min({column}), max({column}) from {listed}").one()
    if first is None:
        return "false"
    return f"{column} between '{first}' and '{last}' and {column} in (from {listed})"


def _replaced_rows(mart: Mart, replaced: str) -> str:
    """The rows of a mart that this build replaced; a row without its partition belongs to any."""
    rows = f"select * from warehouse.marts.{mart.name}"
    if mart.partition in (HOURS, DAYS):
        return f"{rows} where {replaced} union all {rows} where {mart.partition} is null"
    if mart.partition == BATCHES:
        built = "(select batch_id from staging.ops.build_batches)"
        return f"{rows} where batch_id in {built} or batch_id is null"
    if mart.name == "mart_revisions":
        # Revisions are written after the gates, so the newest release's have not been checked yet.
        return (
            f"{rows} where revised_at = (select max(revised_at) from warehouse.marts.{mart.name})"
        )
    return rows


def _named_assets(present: Collection[str]) -> str:
    """Every base_asset of the marts over the hours being built, as a query."""
    # For a venue whose listing never landed, observations keep the names in recorded files.
    of_listing_venues = (
        " and venue in (select venue from warehouse.marts.dim_instruments"
        " where specification_source = 'snapshot')"
        if "dim_instruments" in present
        else ""
    )
    named = " union all ".join(
        f"select distinct '{mart.name}' as mart, base_asset,"
        f" {mart.assets == EVENTS} as is_of_events from gate.{mart.name} where base_asset != 'ALL'"
        f"{of_listing_venues if mart.assets == OBSERVATIONS else ''}"
        for mart in marts().values()
        if mart.name in present
        and mart.assets != OTHERS
        and any(column.name == "base_asset" for column in mart.columns)
    )
    empty = "select null::varchar as mart, null::varchar as base_asset, false as is_of_events"
    return named or f"{empty} where false"
