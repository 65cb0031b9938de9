"""Slices of a large build: ranges of hours that are built one after another, from the oldest on.

A model's rows of an hour depend on that hour and on those before it (lookbacks.py). So a slice is
built before the next one has any rows, and memory is needed for its own hours alone; gates judge
all of them at once, and readers get them at once. Nothing of it is stored: a build that was
interrupted plans its slices again. What models rebuild in a slice: macro `build_hours`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import NamedTuple

import duckdb

from unwind.database import row_of
from unwind.memory import memory_limit
from unwind.warehouse.divided import HOURS_AFTER
from unwind.warehouse.promises import KEPT_HOURS

HOUR = "%Y-%m-%dT%H"
ONE_HOUR = timedelta(hours=1)
# 2026-11-27: of two years of fifty assets, within 1 GiB and with two threads, slices of 4 KiB an
# asset's hour ran out of memory over a month's positions, whose levels some models read besides.
BYTES_PER_ASSET_HOUR = 8 * 2**10
# 2026-11-27: in addition, where tables of as-ofs keep the hour: some 200 levels of the map alone.
# 73 days of fifty assets did not pass within 1 GiB, the map of 18 days did within 896 MiB.
BYTES_PER_AS_OF = 40 * 2**10
# 2026-11-28: eight million facts of sixteen hours pass at 896 MiB as one slice.
BYTES_PER_ROW = 112


class Slice(NamedTuple):
    """From which hour to which, both included, in UTC; without end where null."""

    first_hour: datetime | None = None
    last_hour: datetime | None = None

    @property
    def variables(self) -> Mapping[str, str]:
        """What dbt reads of it (slices.sql), such as `2026-01-01T00_2026-03-31T23`."""
        if self == Slice():
            return {}
        return {"UNWIND_DBT_SLICE": "_".join(f"{end:{HOUR}}" if end else "" for end in self)}


def plan_slices(state: duckdb.DuckDBPyConnection) -> tuple[Slice, ...]:
    """The slices of the pending hours that the database can build in its memory.

    Together they have no end: hours after a pending one may be rebuilt with it. Each begins with
    the last hour of the one before it, whose end depends on the next hour's first minutes. Raises
    SettingError, duckdb.Error.
    """
    parts = divided(_bytes_of_hours(state, memory_limit()), memory_limit())
    nexts = [part[0] for part in parts[1:]]
    firsts = [first - HOURS_AFTER * ONE_HOUR for first in nexts]
    lasts = [first - ONE_HOUR for first in nexts]
    return tuple(map(Slice, (None, *firsts), (*lasts, None)))


def divided(hours: Sequence[tuple[datetime, int]], most: int) -> list[list[datetime]]:
    """The hours, each with its bytes, as ranges that need at most `most` bytes.

    A range has whole days, which some models build whole, unless a day needs more than that.
    """
    parts: list[list[datetime]] = [[]]
    needed = 0
    for _, day in groupby(hours, key=lambda one: one[0].date()):
        of_day = list(day)
        is_too_large = sum(size for _, size in of_day) > most
        for piece in [[hour] for hour in of_day] if is_too_large else [of_day]:
            size = sum(size for _, size in piece)
            if parts[-1] and needed + size > most:
                parts.append([])
                needed = 0
            parts[-1] += [hour for hour, _ in piece]
            needed += size
    return parts


def _bytes_of_hours(state: duckdb.DuckDBPyConnection, enough: int) -> list[tuple[datetime, int]]:
    """The pending hours with what building each may need, in order.

    None where all of staging needs no more than `enough`.
    """
    rows = row_of(
        state,
        "select coalesce(sum(estimated_size), 0) from duckdb_tables() where schema_name = 'landed'",
    )
    if rows[0] * (BYTES_PER_ROW + BYTES_PER_ASSET_HOUR + BYTES_PER_AS_OF) <= enough:
        return []
    tables = state.execute(
        "select table_name from duckdb_columns()"
        " where schema_name = 'landed' and column_name = 'venue_asset'"
    ).fetchall()
    staged = " union all ".join(
        f"select hour_at, venue_asset from landed.{name}" for (name,) in tables
    )
    return state.execute(
        f"""
        with of_assets as (
            select hour_at, count(*) as rows
            from ({staged}) as staged
            semi join ops.pending_hours using (hour_at)
            group by hour_at, venue_asset
        ),
        as_of_hours as ({KEPT_HOURS})
        select
            hour_at,
            (
                sum(rows) * {BYTES_PER_ROW}
                + count(*) * {BYTES_PER_ASSET_HOUR}
                + count(as_of_hours.hour_at) * {BYTES_PER_AS_OF}
            )::bigint
        from of_assets
        left join as_of_hours using (hour_at)
        group by hour_at
        order by hour_at
        """
    ).fetchall()
