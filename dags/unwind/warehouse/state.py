"""The refresh's state, in schema `ops` of staging.duckdb: what is built, pending, held, judged.

dbt reads it as sources. It lives and dies with the warehouse's files: without them every sealed
batch is unbuilt, and the next refresh builds all of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import duckdb
import pyarrow as pa

from unwind.landing.coverage import as_of_request, hours_coverage, stream_gaps
from unwind.landing.ledger import Batch, Landing, Seal
from unwind.landing.raw import RawObject, RawZone
from unwind.recorder.segments import Gaps, Missed, gaps_in, missed_in
from unwind.settings import Home
from unwind.texts import as_utf8
from unwind.venues import venues
from unwind.warehouse import files

OPS_TABLES = """
create schema if not exists ops;
create table if not exists ops.batches (
    batch_id varchar, revision integer, kind varchar, sealed_at timestamp,
    covers_from_at timestamp, covers_to_at timestamp
);
create table if not exists ops.batch_outcomes (
    batch_id varchar, revision integer, venue varchar, dataset varchar, status varchar,
    detail varchar, requests integer, objects integer, lines bigint, landed_at timestamp
);
create table if not exists ops.venue_hours (
    batch_id varchar, revision integer, venue varchar, hour_at timestamp, source_kind varchar,
    outcome varchar, covered_share double, detail varchar
);
create table if not exists ops.stream_gaps (
    batch_id varchar, revision integer, venue varchar, hour_at timestamp, from_at timestamp,
    to_at timestamp
);
create table if not exists ops.build_batches (batch_id varchar, revision integer);
create table if not exists ops.build_folders (folder varchar);
create table if not exists ops.build_objects (
    batch_id varchar, venue varchar, dataset varchar, format varchar, raw_object varchar,
    name varchar, lines_path varchar, lines bigint, problem varchar, received_at timestamp,
    imported_at timestamp, reading varchar
);
alter table ops.build_objects add column if not exists reading varchar;
create table if not exists ops.holds (
    batch_id varchar, revision integer, venue varchar, reason varchar, held_at timestamp,
    released_at timestamp
);
create table if not exists ops.left_out (
    batch_id varchar, venue varchar, kind varchar, reason varchar
);
create table if not exists ops.pending_hours (hour_at timestamp);
create table if not exists ops.hours (hour_at timestamp);
create table if not exists ops.landed_days (
    batch_id varchar, utc_date date, last_hour_at timestamp
);
create table if not exists ops.empty_days (utc_date date);
create table if not exists ops.gate_results (
    run_id varchar, gate varchar, suite varchar, expectation varchar, batch_id varchar,
    venue varchar, severity varchar, success boolean, unexpected_count bigint, observed varchar,
    message varchar, checked_at timestamp
);
create table if not exists ops.built_batches (
    batch_id varchar, revision integer, release_id varchar, holds_released integer
);
create table if not exists ops.project (fingerprint varchar);
create table if not exists ops.models (name varchar, fingerprint varchar);
create table if not exists ops.plan (
    run_id varchar, state varchar, started_at timestamp, code_version varchar
);
"""


@contextmanager
def staging_state(home: Home, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to staging.duckdb with its ops tables there; checkpointed and closed after."""
    home.warehouse_dir.mkdir(parents=True, exist_ok=True)
    with files.opened(home, home.staging_db, read_only) as connection:
        if not read_only:
            connection.execute(OPS_TABLES)
        yield connection


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """A transaction: all changes within the block, or none."""
    connection.execute("begin")
    try:
        yield
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")


def naive_utc(instant: datetime | None) -> datetime | None:
    """Timestamps in the warehouse are UTC without a zone."""
    return instant.astimezone(UTC).replace(tzinfo=None) if instant else None


def append_rows(
    connection: duckdb.DuckDBPyConnection, table: str, rows: Iterable[Sequence[Any]]
) -> None:
    """Appends rows in the table's column order; fast for many rows (Arrow, not one by one)."""
    listed = list(rows)
    if not listed:
        return
    columns = connection.execute(f"describe {table}").fetchall()
    arrow = pa.table(
        {
            name: pa.array([_held(row[place]) for row in listed], type=_arrow_type(kind))
            for place, (name, kind, *_) in enumerate(columns)
        }
    )
    connection.register("rows_to_append", arrow)
    connection.execute(f"insert into {table} select * from rows_to_append")
    connection.unregister("rows_to_append")


def _held(value: Any) -> Any:
    return as_utf8(value) if isinstance(value, str) else value


def _arrow_type(duckdb_type: str) -> pa.DataType:
    return {
        "VARCHAR": pa.string(),
        "INTEGER": pa.int32(),
        "BIGINT": pa.int64(),
        "BOOLEAN": pa.bool_(),
        "DOUBLE": pa.float64(),
        "TIMESTAMP": pa.timestamp("us"),
    }[duckdb_type]


def write_build_batches(
    connection: duckdb.DuckDBPyConnection, home: Home, seals: Sequence[Seal]
) -> None:
    """Makes these sealed batches the ones being built: their objects, outcomes and covers."""
    zone = RawZone(home)
    for table in ("ops.build_batches", "ops.build_objects"):
        connection.execute(f"delete from {table}")
    append_rows(
        connection,
        "ops.build_batches",
        ((seal.batch.batch_id, seal.revision) for seal in seals),
    )
    for table in ("ops.batches", "ops.batch_outcomes", "ops.venue_hours", "ops.stream_gaps"):
        connection.execute(
            f"delete from {table} where batch_id in (select batch_id from ops.build_batches)"
        )
    append_rows(
        connection,
        "ops.batches",
        (
            (
                seal.batch.batch_id,
                seal.revision,
                seal.batch.kind,
                naive_utc(seal.sealed_at),
                naive_utc(seal.batch.covers_from_at),
                naive_utc(seal.batch.covers_to_at),
            )
            for seal in seals
        ),
    )
    append_rows(
        connection,
        "ops.batch_outcomes",
        (
            (
                seal.batch.batch_id,
                seal.revision,
                venue,
                landing.dataset,
                landing.status,
                landing.detail,
                landing.requests,
                len(landing.objects),
                sum(obj.lines for obj in landing.objects),
                naive_utc(landing.landed_at),
            )
            for seal in seals
            for venue, landings in seal.landings.items()
            for landing in (_as_of_request(one, seal.batch, venue) for one in landings)
        ),
    )
    covered = [
        (
            seal,
            venue,
            landing,
            hours_coverage(seal.batch, venues()[venue], landing, partial(_missed_of_object, zone)),
        )
        for seal in seals
        for venue, landings in seal.landings.items()
        if venue in venues()
        for landing in landings
    ]
    append_rows(
        connection,
        "ops.venue_hours",
        (
            (
                seal.batch.batch_id,
                seal.revision,
                venue,
                naive_utc(one.hour_at),
                one.source_kind,
                one.outcome,
                one.covered_share,
                one.detail,
            )
            for seal, venue, _, coverage in covered
            for one in coverage
        ),
    )
    append_rows(
        connection,
        "ops.stream_gaps",
        (
            (seal.batch.batch_id, seal.revision, venue, *map(naive_utc, (hour_at, *span)))
            for seal, venue, landing, coverage in covered
            for hour_at, span in stream_gaps(
                seal.batch, landing, coverage, partial(_gaps_of_object, zone)
            )
        ),
    )
    append_rows(
        connection,
        "ops.build_objects",
        (
            (
                seal.batch.batch_id,
                obj.venue,
                obj.dataset,
                obj.format,
                obj.sha256,
                obj.name,
                str(zone.lines_path(obj.venue, obj.sha256)),
                obj.lines,
                obj.problem,
                naive_utc(obj.received_at),
                naive_utc(obj.imported_at),
                json.dumps(obj.reading) if obj.reading else None,
            )
            for seal in seals
            for landings in seal.landings.values()
            for landing in landings
            for obj in landing.objects
        ),
    )


def write_build_folders(
    connection: duckdb.DuckDBPyConnection, batches: Iterable[str], seals: Sequence[Seal]
) -> None:
    """Notes the folders of staging models that rows of these batches come from, now or before.

    Called before `write_build_batches`: a former revision's outcomes are still there. `seals` are
    the batches with all that landed, also what is left out.
    """
    objects = [
        obj
        for seal in seals
        for landings in seal.landings.values()
        for landing in landings
        for obj in landing.objects
    ]
    folders = {
        venue
        for (venue,) in connection.execute(
            "select distinct venue from ops.batch_outcomes"
            " where objects > 0 and batch_id in (select unnest(?))",
            [list(batches)],
        ).fetchall()
    }
    folders |= {obj.venue for obj in objects}
    # A vendor's folder is named as its formats begin.
    folders |= {obj.format.partition("-")[0] for obj in objects}
    # What any venue's CSV files of the user's own columns are staged by.
    folders |= {"csv" for obj in objects if obj.reading}
    connection.execute("delete from ops.build_folders")
    append_rows(connection, "ops.build_folders", ((folder,) for folder in sorted(folders)))


def _as_of_request(landing: Landing, batch: Batch, venue: str) -> Landing:
    """A landing corrected for an early request; older ledgers have early ones that are ok."""
    known = venues().get(venue)
    return as_of_request(landing, batch, known) if known else landing


def _gaps_of_object(zone: RawZone, segment: RawObject, hour_at: datetime) -> Gaps:
    """The gaps that a landed segment records within an hour."""
    return gaps_in(zone.lines_of(segment), hour_at)


def _missed_of_object(zone: RawZone, segment: RawObject, hour_at: datetime) -> Missed:
    """The part of an hour that a landed segment lacks, by its own gap lines."""
    return missed_in(zone.lines_of(segment), hour_at)
