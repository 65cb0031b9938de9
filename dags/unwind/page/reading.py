"""What a release has for the page: the rows of every figure, as of its newest hour."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from unwind.clock import HOUR
from unwind.database import connect, quoted
from unwind.page.figures import ASSET, Figure, figures
from unwind.settings import Home
from unwind.warehouse.metrics import LAST_HOUR

ALL = "ALL"
# 2026-11-26: ALL and three assets; each takes some 120 kB, of the 2 MB that a page may have.
ASSETS = 4
Row = dict[str, Any]

# The assets with the most liquidated in 24 hours, of those that the other figures have.
_ASSETS = """
select base_asset
from exchange_breakdown
where hour_at = {hour} and window_hours = 24 and venue = 'ALL'
    and base_asset in (select base_asset from market_brief_hourly where hour_at = {hour})
order by base_asset <> 'ALL', total_usd desc nulls last, base_asset
limit {limit}
"""
_TRACKED = """
select base_asset from market_brief_hourly where hour_at = {hour}
order by base_asset <> 'ALL', long_usd + short_usd desc nulls last, base_asset
limit {limit}
"""


@dataclass(frozen=True)
class Reading:
    """A figure's rows, its SQL as it was run, and why there are none where it could not run."""

    figure: Figure
    query: str
    rows: tuple[Row, ...]
    problem: str | None = None

    def of(self, asset: str) -> tuple[Row, ...]:
        """The rows of one asset; all of them where the figure is not by asset."""
        if not self.figure.is_by_asset:
            return self.rows
        return tuple(row for row in self.rows if row[ASSET] == asset)


@dataclass(frozen=True)
class Refusal:
    """A build that a gate refused after this release was published: when, and the gate's words."""

    refused_at: str
    message: str


@dataclass(frozen=True)
class Snapshot:
    """All that the page shows: a release's metadata and the rows of its figures.

    `hour_at` is the newest hour, the last that landed; None for an empty release.
    """

    release: Row
    hour_at: datetime | None
    assets: tuple[str, ...]
    readings: dict[str, Reading]
    is_demo: bool
    refusal: Refusal | None = field(default=None)

    @property
    def as_of_at(self) -> datetime | None:
        """The end of the newest hour."""
        return self.hour_at + HOUR if self.hour_at else None

    @property
    def age_at_publication(self) -> timedelta | None:
        """How old the newest hour's end was when the release was published."""
        built_at = self.release.get("built_at")
        return built_at - self.as_of_at if built_at and self.as_of_at else None


def read(home: Home, database: Path) -> Snapshot:
    """Reads a release's file. Raises duckdb.Error where it is no database or cannot be read."""
    with connect(home, database, read_only=True) as connection:
        connection.execute("set schema = 'marts'")
        release = next(iter(_rows(connection, "select * from release")[0]), {})
        hour_at = _newest_hour(connection)
        hour = f"timestamp {quoted(hour_at)}" if hour_at else "null::timestamp"
        assets = _assets(connection, hour)
        listed = ", ".join(map(quoted, assets))
        readings = {one.figure_id: _reading(connection, one, hour, listed) for one in figures()}
    return Snapshot(release, hour_at, assets, readings, home.is_simulated, _refusal(home))


def _reading(
    connection: duckdb.DuckDBPyConnection, figure: Figure, hour: str, assets: str
) -> Reading:
    query = figure.query(hour, assets)
    rows, problem = _rows(connection, query)
    return Reading(figure, query, rows, problem)


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[tuple[Row, ...], str | None]:
    """A query's rows; or none, and which table or column the release lacks."""
    try:
        connection.execute(query)
        names = [column[0] for column in connection.description or ()]
        rows: Sequence[tuple[Any, ...]] = connection.fetchall()
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        return (), str(error).strip().splitlines()[0]
    return tuple(dict(zip(names, row, strict=True)) for row in rows), None


def _newest_hour(connection: duckdb.DuckDBPyConnection) -> datetime | None:
    rows, _ = _rows(connection, f"select {LAST_HOUR} as hour_at")
    newest: datetime | None = rows[0]["hour_at"] if rows else None
    return newest


def _assets(connection: duckdb.DuckDBPyConnection, hour: str) -> tuple[str, ...]:
    for query in (_ASSETS, _TRACKED):
        rows, _ = _rows(connection, query.format(hour=hour, limit=ASSETS))
        if rows:
            return tuple(row[ASSET] for row in rows)
    return (ALL,)


def _refusal(home: Home) -> Refusal | None:
    """The note of a build that a gate refused; it is gone with the next release."""
    try:
        note = json.loads(home.refusal.read_text(encoding="utf-8"))
        return Refusal(str(note["refused_at"]), str(note["message"]))
    except (OSError, ValueError, LookupError, TypeError):
        return None
