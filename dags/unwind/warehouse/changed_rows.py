"""The rows of `mart_revisions`: what differs between the former release and the judged warehouse.

Works on a connection that has warehouse.duckdb open, staging attached as staging, the release
before as former, and the temporary tables of revisions.py: this_release, former_hours, revising.
Only hours that the former release had landed are compared; a row of another hour is new.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum

import duckdb

from unwind.warehouse import continuity
from unwind.warehouse.promises import (
    BATCHES,
    DAYS,
    HOURS,
    KEPT_HOURS,
    WHOLE,
    Mart,
    key_of,
    marts,
    replaced_days,
    replaced_hours,
)

# It names the batches that a row stands on: each late one would be a revision of all that read it.
NOT_COMPARED = "available_at"
# dim_hours grows by each hour, and has no figures.
WITHOUT_FIGURES = ("dim_hours",)
# A row of a day is first published with the day's first hour, and changes with each: only days
# that had ended by the former release count.
ENDED_DAYS = (
    "event_date >= (select first_hour_at::date from former_hours)"
    " and event_date < (select last_hour_at::date from former_hours)"
)


class Days(Enum):
    """Of which hours tables are compared by day: of all, of those replaced, or of none.

    Tables without hours are compared in any case.
    """

    ALL = "all"
    REPLACED = "replaced"
    NONE = "none"


def columns_of(connection: duckdb.DuckDBPyConnection, database: str) -> dict[str, list[str]]:
    """The tables in schema marts of an attached database with their columns, in order."""
    rows = connection.execute(
        "select table_name, list(column_name order by column_index)"
        " from duckdb_columns() where database_name = ? and schema_name = 'marts'"
        " group by table_name",
        [database],
    ).fetchall()
    return dict(rows)


def write_days(connection: duckdb.DuckDBPyConnection, cause: str, days: Days) -> None:
    """One row per table and day of which rows differ, with the hashes of both. Raises duckdb.Error.

    A table that the former release lacks is new, and no revision.
    """
    conditions = {
        mart.name: condition
        for mart in marts().values()
        if mart.name not in WITHOUT_FIGURES and (condition := _of_days(mart, days))
    }
    there = columns_of(connection, "former")
    before, after = (
        _contents(
            connection, name, {mart: conditions[mart] for mart in conditions if mart in there}
        )
        for name in ("former", "warehouse")
    )
    for mart, day in sorted(before.keys() | after.keys(), key=str):
        was, now = before.get((mart, day)), after.get((mart, day))
        if was != now:
            connection.execute(
                "insert into marts.mart_revisions by name"
                " select *, ? as mart, 'rebuilt' as change, ? as utc_date, ? as value_before,"
                " ? as value_after, ? as cause from this_release",
                [mart, day, was and was.content, now and now.content, cause],
            )


def _contents(
    connection: duckdb.DuckDBPyConnection, database: str, conditions: Mapping[str, str]
) -> continuity.Contents:
    columns = {
        name: [column for column in listed if column != NOT_COMPARED]
        for name, listed in columns_of(connection, database).items()
    }
    return continuity.contents(
        connection, database, sorted(conditions), conditions, columns=columns
    )


def _of_days(mart: Mart, days: Days) -> str | None:
    """A condition for the rows of a mart that are compared by day; None for none."""
    if mart.partition == WHOLE:
        return "true"
    if mart.partition not in (HOURS, DAYS, BATCHES) or days is Days.NONE:
        return None
    if mart.partition == BATCHES:
        return "batch_id in (select batch_id from former.marts.landing_outcomes)"
    if mart.partition == DAYS:
        return f"{ENDED_DAYS} and event_date in ({replaced_days(mart)})"
    condition = (
        "hour_at between (select first_hour_at from former_hours)"
        " and (select last_hour_at from former_hours)"
    )
    if days is Days.REPLACED:
        condition += f" and hour_at in ({replaced_hours(mart)})"
    return f"{condition} and hour_at in ({KEPT_HOURS})" if mart.keeps_as_of_hours else condition


def write_cells(connection: duckdb.DuckDBPyConnection) -> None:
    """One row per cell that differs, and per row that a mart has more or fewer of what the build
    replaced. Raises duckdb.Error."""
    columns = columns_of(connection, "warehouse")
    for mart in marts().values():
        if mart.partition in (HOURS, DAYS, BATCHES) and mart.name in columns:
            connection.execute(_cells(mart, columns[mart.name]))


def _cells(mart: Mart, columns: list[str]) -> str:
    """The statement that writes a mart's cells. Its rows pair by the mart's key."""
    key, there = key_of(mart), mart.partition
    compared = [name for name in columns if name not in (*key, NOT_COMPARED)]
    same_key = " and ".join(f"was.{name} is not distinct from now.{name}" for name in key)
    differs = " or ".join(f"was.{name} is distinct from now.{name}" for name in compared)
    cells = ", ".join(
        f"{{'column_name': '{name}', 'value_before': was.{name}::varchar,"
        f" 'value_after': now.{name}::varchar}}"
        for name in compared
    )
    hour_at = "null" if there == BATCHES else f"coalesce(was.{there}, now.{there})"
    return f"""
        insert into marts.mart_revisions by name
        with was as ({_former_rows(mart)}),
        now as ({_new_rows(mart)}),
        differing as (
            select
                case
                    when was.{there} is null then 'inserted'
                    when now.{there} is null then 'removed'
                    else 'changed'
                end as change,
                {_as_json(key, "coalesce(was.{0}, now.{0})")} as row_key,
                {hour_at}::timestamp as hour_at,
                case change
                    when 'inserted' then [{{'column_name': null, 'value_before': null,
                        'value_after': {_as_json(columns, "now.{0}")}}}]
                    when 'removed' then [{{'column_name': null,
                        'value_before': {_as_json(columns, "was.{0}")}, 'value_after': null}}]
                    else list_filter(
                        [{cells}], lambda cell: cell.value_before is distinct from cell.value_after
                    )
                end as cells
            from was
            full join now on {same_key}
            where was.{there} is null or now.{there} is null or {differs}
        ),
        causes as ({_causes(mart)})
        select
            this_release.*,
            '{mart.name}' as mart,
            differing.change,
            differing.row_key,
            differing.hour_at,
            unnest(differing.cells, recursive := true),
            causes.cause,
            causes.batch_ids
        from differing
        inner join causes on differing.hour_at is not distinct from causes.hour_at
        cross join this_release
    """


def _as_json(columns: Iterable[str], value: str) -> str:
    """A JSON object of columns as texts, which cast back exactly."""
    listed = ", ".join(f"'{name}', {value.format(name)}::varchar" for name in columns)
    return f"json_object({listed})::varchar"


def _former_rows(mart: Mart) -> str:
    """The rows of the former release that the build replaced."""
    if mart.partition == BATCHES:
        return (
            f"from former.marts.{mart.name}"
            " where batch_id in (select batch_id from staging.ops.build_batches)"
        )
    if mart.partition == DAYS:
        return f"from former.marts.{mart.name} where {_of_days(mart, Days.REPLACED)}"
    return f"from former.marts.{mart.name} where {_of_replaced_hours(mart)}"


def _new_rows(mart: Mart) -> str:
    """The rows that the build made in their place.

    Not those of an hour that is new in the spine: rejected rows may have stood under it before.
    """
    if mart.partition == BATCHES:
        return (
            f"from warehouse.marts.{mart.name}"
            " where batch_id in (select batch_id from staging.ops.build_batches)"
            " and batch_id in (select batch_id from former.marts.landing_outcomes)"
        )
    if mart.partition == DAYS:
        return f"from warehouse.marts.{mart.name} where {_of_days(mart, Days.REPLACED)}"
    return (
        f"from warehouse.marts.{mart.name} where {_of_replaced_hours(mart)} and not"
        " (hour_at >= (select min(hour_at) from staging.ops.hours)"
        " and hour_at < (select first_hour_at from former_hours))"
    )


def _of_replaced_hours(mart: Mart) -> str:
    hours = (
        f"select hour_at from ({replaced_hours(mart)}) as replaced"
        " where hour_at <= (select last_hour_at from former_hours)"
    )
    if mart.keeps_as_of_hours:
        hours += f" and hour_at in ({KEPT_HOURS})"
    # The range first: by it DuckDB skips what it need not read.
    return (
        f"hour_at between (select min(hour_at) from ({hours}))"
        f" and (select max(hour_at) from ({hours})) and hour_at in ({hours})"
    )


def _causes(mart: Mart) -> str:
    """By hour the batches that its rows may read, and what the first of them is.

    Where none of the build's batches has such hours, as where a listing names rows of any time, all
    of them are named.
    """
    listed = "string_agg(batch_id, ', ' order by batch_id) as batch_ids"
    return f"""
        select
            hours.hour_at,
            case
                when hours.hour_at >= (select min(hour_at) from staging.ops.hours)
                    and hours.hour_at < (select first_hour_at from former_hours) then 'spine'
                else coalesce(min_by(revising.cause, revising.place), any_value(every.cause))
            end as cause,
            coalesce(
                string_agg(revising.batch_id, ', ' order by revising.batch_id),
                any_value(every.batch_ids)
            ) as batch_ids
        from (select distinct hour_at from differing) as hours
        cross join (select min_by(cause, place) as cause, {listed} from revising) as every
        left join revising
            on coalesce(hours.hour_at >= revising.first_hour_at, true)
            and coalesce(
                hours.hour_at <= revising.last_hour_at + interval {mart.lookback_hours} hour, true
            )
        group by hours.hour_at
    """
