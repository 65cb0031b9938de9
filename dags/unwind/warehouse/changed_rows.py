"""The rows of `mart_revisions`: what differs between the former release and the judged warehouse.

Works on a connection that has warehouse.duckdb open, staging attached as staging, the release
before as former, and the temporary tables of revisions.py: this_release, former_hours, revising.
Only hours that the former release had landed are compared; a row of another hour is new.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta

import duckdb

from unwind.database import row_of
from unwind.warehouse import contents
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

# It follows from the batches behind a row: each late batch would revise every row that reads it.
NOT_COMPARED = "available_at"
# A mart with this column has rows that grow until it is set: only then is a change a revision.
FINAL_FROM = "confirmed_at"
HOUR = timedelta(hours=1)
# dim_hours grows by each hour, and has no figures.
WITHOUT_FIGURES = ("dim_hours",)
# A row of a day is first published with the day's first hour, and changes with each: only days
# that had ended by the former release count.
ENDED_DAYS = (
    "event_date >= (select first_hour_at::date from former_hours)"
    " and event_date < (select last_hour_at::date from former_hours)"
)


def write_days(connection: duckdb.DuckDBPyConnection, cause: str, replaced: bool = False) -> None:
    """One row per table and day of which rows differ, with the hashes of both. Raises duckdb.Error.

    `replaced` narrows it to the hours that the build replaced. A table that the former release
    lacks is new, and no revision.
    """
    conditions = {
        mart.name: condition
        for mart in marts().values()
        if mart.name not in WITHOUT_FIGURES and (condition := _of_days(mart, replaced))
    }
    there = contents.columns_of(connection, "former")
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
                " select *, ? as mart, 'rebuilt' as change_kind, ? as utc_date, ? as value_before,"
                " ? as value_after, ? as cause from this_release",
                [mart, day, was and was.content, now and now.content, cause],
            )


def _contents(
    connection: duckdb.DuckDBPyConnection, database: str, conditions: Mapping[str, str]
) -> contents.Contents:
    columns = {
        name: [column for column in listed if column != NOT_COMPARED]
        for name, listed in contents.columns_of(connection, database).items()
    }
    return contents.of_marts(connection, database, sorted(conditions), conditions, columns=columns)


def _of_days(mart: Mart, is_replaced: bool) -> str | None:
    """A condition for the rows of a mart that are compared by day; None for none."""
    if mart.partition == WHOLE:
        return "true"
    if mart.partition not in (HOURS, DAYS, BATCHES):
        return None
    if mart.partition == BATCHES:
        return "batch_id in (select batch_id from former.marts.landing_outcomes)"
    if mart.partition == DAYS:
        return f"{ENDED_DAYS} and event_date in ({replaced_days(mart)})"
    condition = (
        "hour_at between (select first_hour_at from former_hours)"
        " and (select last_hour_at from former_hours)"
    )
    if is_replaced:
        condition += f" and hour_at in ({replaced_hours(mart)})"
    condition += _that_are_final(mart)
    return f"{condition} and hour_at in ({KEPT_HOURS})" if mart.keeps_as_of_hours else condition


def _that_are_final(mart: Mart) -> str:
    has_growing_rows = any(column.name == FINAL_FROM for column in mart.columns)
    return f" and {FINAL_FROM} is not null" if has_growing_rows else ""


def write_cells(connection: duckdb.DuckDBPyConnection) -> None:
    """One row per cell that differs, and per row that a mart has more or fewer of what the build
    replaced. Raises duckdb.Error."""
    columns = contents.columns_of(connection, "warehouse")
    for mart, was, now in _replaced_rows(connection):
        # Planned in a tenth of the time, and most tables of a small hour are the same.
        if mart.name in columns and _differ(connection, columns[mart.name], was, now):
            connection.execute(_cells(mart, columns[mart.name], was, now))


def _differ(
    connection: duckdb.DuckDBPyConnection, columns: Iterable[str], was: str, now: str
) -> bool:
    """Whether the rows of two queries are not the same, by their number and hashes."""
    compared = ", ".join(name for name in columns if name != NOT_COMPARED)
    content = f"select row(count(*), sum(hash({compared})::hugeint)) from"
    differ = f"select ({content} ({was})) is distinct from ({content} ({now}))"
    return bool(row_of(connection, differ)[0])


def _replaced_rows(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[Mart, str, str]]:
    """For each mart, queries over its replaced rows: the former ones and the new ones."""
    first_at, newest_first_at = row_of(
        connection,
        "select first_hour_at, (select min(hour_at) from staging.ops.hours) from former_hours",
    )
    but_new_hours = ""
    if first_at and newest_first_at:
        # Rejected rows may have stood under an hour before it was in the spine: its rows are new.
        but_new_hours = f" and not (hour_at >= '{newest_first_at}' and hour_at < '{first_at}')"
    for mart in marts().values():
        former, newest = (f"from {name}.marts.{mart.name}" for name in ("former", "warehouse"))
        if mart.partition == BATCHES:
            built = "where batch_id in (select batch_id from staging.ops.build_batches)"
            before = "and batch_id in (select batch_id from former.marts.landing_outcomes)"
            yield mart, f"{former} {built}", f"{newest} {built} {before}"
        elif mart.partition == WHOLE and mart.name not in WITHOUT_FIGURES:
            yield mart, former, newest
        elif mart.partition == DAYS:
            replaced = _of_days(mart, is_replaced=True)
            yield mart, f"{former} where {replaced}", f"{newest} where {replaced}"
        elif mart.partition == HOURS:
            replaced = _of_replaced_hours(connection, mart)
            if replaced:
                replaced += _that_are_final(mart)
                yield (
                    mart,
                    f"{former} where {replaced}",
                    f"{newest} where {replaced}{but_new_hours}",
                )


def _of_replaced_hours(connection: duckdb.DuckDBPyConnection, mart: Mart) -> str | None:
    """A condition for the rows of the hours that the build replaced; None where there are none."""
    hours = (
        f"select hour_at from ({replaced_hours(mart)}) as replaced"
        " where hour_at <= (select last_hour_at from former_hours)"
    )
    if mart.keeps_as_of_hours:
        hours += f" and hour_at in ({KEPT_HOURS})"
    count, first_at, last_at = row_of(
        connection, f"select count(*), min(hour_at), max(hour_at) from ({hours})"
    )
    if not count:
        return None
    # The range comes first, because DuckDB can prune by it.
    within = f"hour_at between '{first_at}' and '{last_at}'"
    is_whole = count == (last_at - first_at) / HOUR + 1
    return within if is_whole else f"{within} and hour_at in ({hours})"


def _cells(mart: Mart, columns: list[str], was: str, now: str) -> str:
    """The statement that writes a mart's cells. Its rows pair by the mart's key."""
    key = key_of(mart)
    there = key[0] if mart.partition == WHOLE else mart.partition
    compared = [name for name in columns if name not in (*key, NOT_COMPARED)]
    same_key = " and ".join(f"was.{name} is not distinct from now.{name}" for name in key)
    differs = " or ".join(f"was.{name} is distinct from now.{name}" for name in compared)
    cells = ", ".join(
        f"{{'column_name': '{name}', 'value_before': was.{name}::varchar,"
        f" 'value_after': now.{name}::varchar}}"
        for name in compared
    )
    has_hours = mart.partition in (HOURS, DAYS)
    hour_at = f"coalesce(was.{there}, now.{there})" if has_hours else "null"
    return f"""
        insert into marts.mart_revisions by name
        with was as ({was}),
        now as ({now}),
        differing as (
            select
                case
                    when was.{there} is null then 'inserted'
                    when now.{there} is null then 'removed'
                    else 'changed'
                end as change_kind,
                {_as_json(key, "coalesce(was.{0}, now.{0})")} as row_key,
                {hour_at}::timestamp as hour_at,
                case change_kind
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
            differing.change_kind,
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


def _causes(mart: Mart) -> str:
    """The batches that its rows may read, by hour, and the kind of the first one.

    If none of the build's batches has these hours (a listing, for example, names rows of any time),
    all batches are named.
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
