"""Revisions: what a build changed of figures that the release before it had published.

Written as a release is made, into `mart_revisions`, by comparing the judged warehouse with the
release before it. The hours that had landed by that one are compared, where the build replaced
them; hours that it adds are new, and write nothing. Rows that a late, re-sealed or withdrawn batch
changed are kept cell by cell, so that the macros of as_of_macros.py give the former state again. A
backfill and a rebuild from the raw zone write one row per table and day.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from datetime import datetime

import duckdb

from unwind.database import in_memory, quoted, row_of
from unwind.settings import Home
from unwind.warehouse import changed_rows, contents, continuity, files
from unwind.warehouse.dbt import DBT_PROJECT
from unwind.warehouse.models import fingerprints
from unwind.warehouse.promises import marts

HISTORY = ("published_releases", "mart_revisions")
# 2026-11-26: an outage of a weekend is made up for row by row; what is longer is a backfill.
BACKFILL_DAYS = 2

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Publication:
    """The release being made. Instants are UTC without a zone."""

    release_id: str
    run_id: str
    published_at: datetime
    first_hour_at: datetime | None
    last_hour_at: datetime | None
    code_version: str


@contextmanager
def former_attached(warehouse: duckdb.DuckDBPyConnection, home: Home) -> Iterator[str | None]:
    """Attaches the release before this one as `former`, and gives its id; None without one."""
    folder = continuity.former_release(warehouse, home)
    try:
        if folder:
            warehouse.execute(f"attach {quoted(folder / 'warehouse.duckdb')} as former (read_only)")
    except duckdb.Error as error:
        # A broken release must not block a sound one.
        logger.warning("%s cannot be compared with: %s", folder, error)
        folder = None
    yield folder.name if folder else None
    if folder:
        warehouse.execute("detach former")


def write(
    warehouse: duckdb.DuckDBPyConnection, home: Home, publication: Publication, former: str | None
) -> None:
    """Adds a release to `published_releases`, and its revisions to `mart_revisions`.

    `warehouse` has warehouse.duckdb open, staging.duckdb attached as staging, and the release
    before, of which `former` is the id, as former. Raises duckdb.Error.
    """
    is_rebuilt = _count(warehouse, "true") == 0
    if former:
        _keep_history(warehouse)
    is_known = _count(warehouse, f"run_id = {quoted(publication.run_id)}") > 0
    published_at = _add(warehouse, publication)
    # The same build once more, where its release was deleted, revises nothing.
    if not is_known:
        warehouse.execute(
            "create or replace temp table this_release as select ? as release_id, ? as run_id,"
            " ?::varchar as former_release_id, ?::timestamp as revised_at",
            [publication.release_id, publication.run_id, former, published_at],
        )
        _write_revisions(warehouse, home, publication, is_rebuilt, former is not None)
        warehouse.execute(
            "update marts.published_releases set revisions = (select count(*)"
            " from marts.mart_revisions semi join this_release using (release_id))"
            " where release_id = (select release_id from this_release)"
        )


def _write_revisions(
    warehouse: duckdb.DuckDBPyConnection,
    home: Home,
    publication: Publication,
    is_rebuilt: bool,
    has_former: bool,
) -> None:
    if has_former:
        _name_former_hours(warehouse)
        if is_rebuilt:
            cause = _cause_of_rebuild(warehouse, home, publication)
            changed_rows.write_days(warehouse, cause)
        else:
            _write_of_replaced_hours(warehouse)
    elif not is_rebuilt:
        _write_not_compared(warehouse)


def _count(warehouse: duckdb.DuckDBPyConnection, condition: str) -> int:
    counted = f"select count(*) from marts.published_releases where {condition}"
    return int(row_of(warehouse, counted)[0])


def _write_not_compared(warehouse: duckdb.DuckDBPyConnection) -> None:
    """One row per table whose former contents are unknown."""
    warehouse.execute(
        "insert into marts.mart_revisions by name"
        " select *, unnest(?) as mart, 'not_compared' as change_kind,"
        " 'former_release_gone' as cause from this_release",
        [list(marts())],
    )


def _keep_history(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Replaces the history with the former release's.

    A warehouse built from the raw zone has none, and a killed attempt to publish may have added to
    it.
    """
    there = contents.columns_of(warehouse, "former")
    for table in HISTORY:
        counted = f"select count(*) from {{}}.marts.{table}"
        if table in there and row_of(warehouse, counted.format("warehouse")) == row_of(
            warehouse, counted.format("former")
        ):
            continue
        warehouse.execute(f"delete from marts.{table}")
        if table in there:
            continuity.carry_rows(warehouse, table)


def _add(warehouse: duckdb.DuckDBPyConnection, publication: Publication) -> datetime:
    """Adds the release to those published; returns when, which is after every earlier one."""
    published_at: datetime = row_of(
        warehouse,
        """
        insert into marts.published_releases by name
        select
            $1 as release_id,
            $2 as run_id,
            greatest(
                $3::timestamp, max(published_at) + interval 1 microsecond
            ) as published_at,
            least($4::timestamp, min(first_hour_at)) as first_hour_at,
            greatest($5::timestamp, max(last_hour_at)) as last_hour_at,
            $6 as code_version,
            0 as revisions
        from marts.published_releases
        returning published_at
        """,
        astuple(publication),
    )[0]
    return published_at


def _name_former_hours(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Names the first and the last hour that the former release had landed (former_hours)."""
    known = "published_releases" in contents.columns_of(warehouse, "former")
    latest = "from former.marts.published_releases" if known else "from former.marts.release"
    warehouse.execute(
        "create or replace temp table former_hours as select min(first_hour_at) as first_hour_at,"
        f" max(last_hour_at) as last_hour_at {latest}"
    )


def _cause_of_rebuild(
    warehouse: duckdb.DuckDBPyConnection, home: Home, publication: Publication
) -> str:
    """Why everything was built from the raw zone."""
    former_code = row_of(warehouse, "select any_value(code_version) from former.marts.release")[0]
    changed = _changed_models(home)
    if changed & {path.stem for path in DBT_PROJECT.glob("seeds/*.csv")}:
        return "changed_rule"
    if changed:
        return "changed_model"
    return "changed_code" if former_code != publication.code_version else "full_rebuild"


def _changed_models(home: Home) -> set[str]:
    """Models and seeds that are not what the warehouse in use was built with."""
    in_use = files.in_use(home).staging_db
    if not files.is_beside(home) or not in_use.exists():
        return set()
    try:
        with in_memory() as connection:
            connection.execute(f"attach {quoted(in_use)} as in_use (read_only)")
            built = dict(connection.execute("from in_use.ops.models").fetchall())
    except duckdb.Error as error:
        logger.warning("%s does not say what it was built with: %s", in_use, error)
        return set()
    now = fingerprints()
    return {name for name in built.keys() | now.keys() if built.get(name) != now.get(name)}


def _write_of_replaced_hours(warehouse: duckdb.DuckDBPyConnection) -> None:
    """The revisions of a build that replaced hours of a warehouse that was published before."""
    _name_batches(warehouse)
    [late_days] = row_of(
        warehouse,
        """
        select count(distinct utc_date) from staging.ops.landed_days
        where batch_id in (select batch_id from revising where cause = 'late_batch')
            and utc_date <= (select last_hour_at from former_hours)
        """,
    )
    if late_days > BACKFILL_DAYS:
        changed_rows.write_days(warehouse, "backfill", replaced=True)
        return
    changed_rows.write_cells(warehouse)


def _name_batches(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Names the batches of this build, and how each relates to the former release (revising).

    The first and the last hour that a batch affects are null if unknown, as for a withdrawn import.
    An hour's first minutes also affect the hour before it.
    """
    warehouse.execute(
        """
        create or replace temp table revising as
        with former as (
            select batch_id, max(revision) as revision
            from former.marts.landing_outcomes
            group by batch_id
        ),
        days as (
            select batch_id, min(utc_date)::timestamp as first_at, max(last_hour_at) as last_at
            from staging.ops.landed_days
            group by batch_id
        ),
        gone as (
            select distinct batch_id from staging.ops.left_out
        )
        select
            build.batch_id,
            case
                when former.revision != build.revision then 'resealed_batch'
                when former.batch_id is null
                    and batches.covers_from_at > former_hours.last_hour_at then 'later_batch'
                when former.batch_id is null then 'late_batch'
                when gone.batch_id is not null then 'withdrawn_batch'
                else 'restored_batch'
            end as cause,
            list_position(
                [
                    'resealed_batch', 'withdrawn_batch', 'restored_batch', 'late_batch',
                    'later_batch',
                ],
                cause
            ) as place,
            coalesce(batches.covers_from_at, days.first_at) - interval 1 hour as first_hour_at,
            coalesce(batches.covers_to_at, days.last_at) as last_hour_at
        from staging.ops.build_batches as build
        inner join staging.ops.batches as batches on build.batch_id = batches.batch_id
        left join former on build.batch_id = former.batch_id
        left join days on build.batch_id = days.batch_id
        left join gone on build.batch_id = gone.batch_id
        cross join former_hours
        """
    )
