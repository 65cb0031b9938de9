"""Which hours of a release differ from those that a copy has, by hash.

A part is what a copy replaces at once: an hour of a mart that is dated by hours, a day of one that
is dated otherwise, all of one that has no date.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path

import duckdb

from unwind.outputs.postgres_tables import Table, quoted
from unwind.warehouse import contents
from unwind.warehouse.contents import Contents, Key, Rows

# A part by its start; None for rows without a date.
Parts = dict[datetime | None, Rows]
ONE_DAY = timedelta(days=1)


def contents_of(release: Path) -> Contents:
    """What a release's folder records of each mart and day; worked out where it records nothing.

    Raises duckdb.Error.
    """
    recorded = contents.read(release)
    return contents.contents_of(release) if recorded is None else recorded


def differing_days(before: Contents, now: Contents) -> dict[str, set[date | None]]:
    """The days of each mart of which rows differ, or may: those without a hash count as well."""
    found: dict[str, set[date | None]] = {}
    keys: Collection[Key] = before.keys() | now.keys()
    for mart, day in keys:
        was, becomes = before.get((mart, day)), now.get((mart, day))
        if was is None or becomes is None or not becomes.content or was != becomes:
            found.setdefault(mart, set()).add(day)
    return found


def differing(before: Mapping[datetime | None, Rows], now: Parts) -> set[datetime | None]:
    """The parts that either side has otherwise."""
    return {part for part in before.keys() | now.keys() if before.get(part) != now.get(part)}


def parts_of(
    release: duckdb.DuckDBPyConnection, table: Table, days: Collection[date | None] | None = None
) -> Parts:
    """Counts and hashes of a table's parts, of some days or of all. Raises duckdb.Error."""
    rows = release.execute(parts_query(table, days)).fetchall()
    return {start: Rows(count, content) for _, _, start, count, content in rows}


def parts_query(table: Table, days: Collection[date | None] | None = None) -> str:
    """A query over a table's parts: mart, day, from_at, row_count, content."""
    # Sums of the hashes of rows, as those of whole days are (unwind.warehouse.continuity).
    listed = ", ".join(quoted(name) for name in sorted(column.name for column in table.columns))
    start = _start(table)
    where = "true" if days is None or table.dated_by is None else _within(table, days)
    return (
        f"select '{table.name}' as mart, ({start})::date as day, ({start})::timestamp as from_at,"
        f" count(*) as row_count, sum(hash({listed})::hugeint)::varchar as content"
        f" from marts.{quoted(table.name)} where {where} group by all"
    )


def rows_within(table: Table, parts: Collection[datetime | None]) -> str:
    """A condition of DuckDB's SQL for the rows of some parts of a table."""
    if table.dated_by is None:
        return "true"
    starts = sorted(part for part in parts if part is not None)
    conditions = [f"({_start(table)}) is null"] if None in parts else []
    if starts:
        listed = ", ".join(f"timestamp '{part}'" for part in starts)
        length = timedelta(microseconds=1) if table.is_hourly else ONE_DAY
        # The range comes first, because DuckDB can prune by it.
        name = quoted(table.dated_by)
        conditions.append(
            f"{name} >= timestamp '{starts[0]}' and {name} < timestamp '{starts[-1] + length}'"
            f" and ({_start(table)})::timestamp in ({listed})"
        )
    return " or ".join(f"({one})" for one in conditions)


def _within(table: Table, days: Collection[date | None]) -> str:
    """A condition for the rows of some days of a dated table."""
    name = quoted(table.dated_by or "")
    known = sorted(day for day in days if day is not None)
    conditions = [f"{name} is null"] if None in days else []
    if known:
        listed = ", ".join(f"date '{day}'" for day in known)
        first = datetime.combine(known[0], time())
        after = datetime.combine(known[-1], time()) + ONE_DAY
        conditions.append(
            f"{name} >= timestamp '{first}' and {name} < timestamp '{after}'"
            f" and {name}::date in ({listed})"
        )
    return " or ".join(f"({one})" for one in conditions)


def _start(table: Table) -> str:
    if table.dated_by is None:
        return "null"
    return quoted(table.dated_by) + ("" if table.is_hourly else "::date")
