"""Table macros in each release that return earlier states, for readers of SQL.

`as_of_<mart>(instant)` returns a mart's rows as of the last release published by then: without
hours that landed later, and with later revisions (mart_revisions) reverted; of a table of days, the
days that had ended. Where that is impossible, it raises an error that states why.
"""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from unwind.warehouse.changed_rows import NOT_COMPARED, WITHOUT_FIGURES
from unwind.warehouse.promises import DAYS, HOURS, WHOLE, Mart, key_of, marts

# Revisions of which no rows are kept.
WITHOUT_ROWS = "('rebuilt', 'not_compared')"


def statements(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Those that create the macros in schema marts of the database in use. Raises duckdb.Error."""
    columns: dict[str, dict[str, str]] = {}
    for table, column, kind in connection.execute(
        "select table_name, column_name, data_type from duckdb_columns()"
        " where database_name = current_database() and schema_name = 'marts'"
        " order by table_name, column_index"
    ).fetchall():
        columns.setdefault(table, {})[column] = kind
    for mart in marts().values():
        is_kept = mart.partition in (HOURS, DAYS, WHOLE) and mart.name not in WITHOUT_FIGURES
        if is_kept and mart.name in columns:
            yield _macro(mart, columns[mart.name])


def _macro(mart: Mart, columns: dict[str, str]) -> str:
    key = key_of(mart)
    restored = [name for name in columns if name not in (*key, NOT_COMPARED)]
    keys = ", ".join(f"(row_key->>'{name}')::{columns[name]} as {name}" for name in key)
    cells = ", ".join(_cell(name) for name in restored)
    same = " and ".join(f"newest.{name} is not distinct from later.{name}" for name in key)
    shown = ", ".join(
        f"coalesce(newest.{name}, later.{name}) as {name}"
        if name in key
        else f"if(later.cell_{name} is null, newest.{name}, later.cell_{name}.text::{kind})"
        f" as {name}"
        for name, kind in columns.items()
        if name != NOT_COMPARED
    )
    there = key[0] if mart.partition == WHOLE else mart.partition
    kept = f" and {there} >= (select min({there}) from current_rows)"
    revised, published = "true", "true"
    if mart.partition != WHOLE:
        # A day changes with each of its hours: only days that had ended have a former state.
        day = "::date" if mart.partition == DAYS else ""
        until = f"{'<' if day else '<='} asked.last_hour_at{day}"
        revised = f"""
            revisions.hour_at {until}
            and (
                revisions.hour_at >= asked.first_hour_at{day}
                or revisions.hour_at < published.first_hour_at{day}
            )
        """
        published = f"""
            {there} {until}
            and (
                {there} >= asked.first_hour_at{day}
                or {there} < (select min(first_hour_at){day} from published)
            )
        """
    return f"""
        create or replace macro marts.as_of_{mart.name}(instant, db := '') as table
        with current_rows as (from {_table(mart.name)}),
        published as (from {_table("published_releases")}),
        revisions as (
            from {_table("mart_revisions")} where mart = '{mart.name}'
        ),
        judged as (
            select
                max(published_at) as published_at,
                min(first_hour_at) as first_hour_at,
                max(last_hour_at) as last_hour_at,
                {_refusal(mart)} as refusal
            from published
            where published_at <= instant::timestamp
        ),
        asked as (
            select
                published_at,
                first_hour_at,
                if(refusal is null, last_hour_at, error(refusal)::timestamp) as last_hour_at
            from judged
        ),
        since as (
            select revisions.*
            from revisions
            cross join asked
            left join published on revisions.former_release_id = published.release_id
            where revisions.revised_at > asked.published_at
                and revisions.change_kind not in {WITHOUT_ROWS}
                and ({revised})
        ),
        later as (
            select
                {keys},
                min_by(change_kind, revised_at) filter (
                    where change_kind != 'changed'
                ) as first_change,
                {cells}
            from since
            group by row_key
        ),
        restored as (
            select
                {shown},
                case later.first_change
                    when 'inserted' then false
                    when 'removed' then true
                    else newest.{there} is not null
                end as was_there,
                later.first_change
            from current_rows as newest
            full join later on {same}
        )
        select restored.* exclude (was_there, first_change)
        from restored
        cross join asked
        where was_there
            and (first_change is not null or ({published})){kept if mart.keeps_as_of_hours else ""}
    """


def _table(name: str) -> str:
    return f"query_table(if(db = '', '', db || '.') || 'marts.{name}')"


def _cell(name: str) -> str:
    """A column's value before the first revision of it or of its row; null without a revision."""
    before = f"{{'text': if(change_kind = 'removed', value_before->>'{name}', value_before)}}"
    return (
        f"min_by({before}, revised_at)"
        f" filter (where change_kind = 'removed' or column_name = '{name}') as cell_{name}"
    )


def _refusal(mart: Mart) -> str:
    """Why there is no answer for an instant; null where there is."""
    return f"""
        case
            when count(*) = 0 then
                'no release of ' || instant::timestamp || ' or before is known here: the first was '
                || 'published at ' || coalesce(
                    (select min(published_at) from published)::varchar, 'no time'
                ) || '; the past before is built by `unwind refresh --as-of TIME --into FOLDER`'
            when (
                select count(*) from revisions
                where change_kind in {WITHOUT_ROWS} and revised_at > max(published.published_at)
            ) > 0 then
                '{mart.name} was rebuilt after ' || instant::timestamp || ' ('
                || (
                    select max_by(cause, revised_at) || ', published at ' || max(revised_at)
                    from revisions where change_kind in {WITHOUT_ROWS}
                ) || '), and its former rows are not kept; they are built again by '
                || '`unwind refresh --as-of TIME --into FOLDER`'
        end"""
