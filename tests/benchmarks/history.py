"""Refreshing one new hour on a week of history and on years of it, publishing included.

Three releases are kept, and three are published before the clock starts: from then on each publish
deletes the oldest release, as in any warehouse that has been running for some hours.

The long history repeats the week, shifted into the past by whole weeks, in every hourly table: the
same rows as if each week had been landed and built.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import time
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from tests.benchmarks.made_hours import AFTER_THE_HOUR, hour_at, land_hour
from tests.benchmarks.report import Report
from unwind.settings import KEEP_RELEASES, Home
from unwind.warehouse import releases
from unwind.warehouse.refresh import refresh

HOURS_OF_A_WEEK = 168
NEW_HOURS = 3
SHIFTED_TEXT = {"batch_id", "natural_key", "liquidation_order_id"}


def history(report: Report, folder: Path, weeks: int, events_per_hour: int) -> None:
    """Notes the seconds of new and late hours on both histories, and the ratios of the medians."""
    week = Home(folder / "week")
    build_week(week, events_per_hour)
    years = Home(folder / "years")
    for part in ("raw", "ledger", "warehouse"):
        shutil.copytree(week.root / part, years.root / part)
    shutil.copy2(week.identity, years.identity)
    _repeat_in_the_past(years, weeks - 1)
    for count, home in ((1, week), (weeks, years)):
        report.note("published", weeks=count, **_size(home))

    seconds: dict[str, dict[str, list[float]]] = {"new": {}, "late": {}}
    copying: dict[str, list[float]] = {}
    os.environ[KEEP_RELEASES] = str(releases.ALWAYS_KEPT)
    warm_up = releases.ALWAYS_KEPT + 1
    for turn in range(warm_up + NEW_HOURS):
        # Alternating, so that other load on the machine slows both.
        for name, home in (("week", week), ("years", years)):
            place = HOURS_OF_A_WEEK + turn
            land_hour(home, hour_at(place), events_per_hour)
            taken, copied = _refreshed(home, place)
            if turn >= warm_up:
                seconds["new"].setdefault(name, []).append(taken)
                copying.setdefault(name, []).append(copied)
    for name, home in (("week", week), ("years", years)):
        # A late row: an event of three days ago that lands now.
        _land_late(home, HOURS_OF_A_WEEK - 72)
        taken, _ = _refreshed(home, place + 1)
        seconds["late"].setdefault(name, []).append(taken)
    for case, by_home in seconds.items():
        report.note(
            f"{case} hour",
            week_seconds=by_home["week"],
            years_seconds=by_home["years"],
            years_over_week=statistics.median(by_home["years"])
            / statistics.median(by_home["week"]),
        )
    report.note(
        "copying for the next release, after readers have this one",
        week_seconds=copying["week"],
        years_seconds=copying["years"],
    )


def build_week(home: Home, events_per_hour: int) -> None:
    """Lands a week of hours and publishes it."""
    for place in range(HOURS_OF_A_WEEK):
        land_hour(home, hour_at(place), events_per_hour)
    now = hour_at(HOURS_OF_A_WEEK) + AFTER_THE_HOUR
    refresh(home, clock=lambda: now)


def _refreshed(home: Home, place: int) -> tuple[float, float]:
    """Seconds until readers have the release, and seconds of what is done after it."""
    now = hour_at(place + 1) + AFTER_THE_HOUR
    ended: dict[str, float] = {}

    def note(step: str, done: int, total: int) -> None:
        ended[step] = time.perf_counter()

    started = time.perf_counter()
    report = refresh(home, clock=lambda: now, report=note)
    assert report.rebuilt is None, report.rebuilt
    return ended["publishing"] - started, time.perf_counter() - ended["publishing"]


def _land_late(home: Home, place: int) -> None:
    """The hour lands again with other bytes, and is sealed as its next revision."""
    for path in (home.landed / f"hour-{hour_at(place):%Y-%m-%dT%H}").glob("*.json"):
        path.unlink()
    land_hour(home, hour_at(place), 100)


def _repeat_in_the_past(home: Home, weeks: int) -> None:
    for database in (home.staging_db, home.warehouse_db):
        with duckdb.connect(str(database)) as connection:
            for schema, table in _tables(connection):
                repeat_rows(connection, f"{schema}.{table}", weeks)
            connection.execute("checkpoint")
    with duckdb.connect(str(home.staging_db)) as staging:
        staging.execute("delete from ops.hours")
        first, last = hour_at(-HOURS_OF_A_WEEK * weeks), hour_at(HOURS_OF_A_WEEK - 1)
        staging.execute(
            "insert into ops.hours select unnest(range(?::timestamp, ?::timestamp"
            " + interval 1 hour, interval 1 hour))",
            [first.replace(tzinfo=None), last.replace(tzinfo=None)],
        )
    for seal in sorted(home.batches.glob("hour-*.json")):
        fields = json.loads(seal.read_text())
        hour = datetime.fromisoformat(fields["covers_from_at"])
        for week in range(1, weeks + 1):
            batch_id = f"hour-{hour - timedelta(weeks=week):%Y-%m-%dT%H}"
            older = {**fields, "batch_id": batch_id}
            (home.batches / f"{batch_id}.r0001.json").write_text(json.dumps(older))


def _tables(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Tables by hour or batch; dimensions and the run's own state are not among them."""
    return connection.execute(
        "select distinct table_schema, table_name from information_schema.columns"
        " join information_schema.tables using (table_schema, table_name)"
        " where table_type = 'BASE TABLE' and column_name in ('hour_at', 'batch_id')"
        " and table_name not in ('build_batches', 'build_objects', 'pending_hours', 'hours',"
        " 'holds', 'gate_results', 'int_liquidations_valued', 'int_liquidation_grains',"
        " 'int_partly_published_liquidations', 'int_liquidation_first_sources')"
        " order by all"
    ).fetchall()


def repeat_rows(connection: duckdb.DuckDBPyConnection, table: str, weeks: int) -> None:
    """Repeats a table's rows this many weeks into the past, each with keys of its own."""
    columns = []
    for name, kind, *_ in connection.execute(f"describe {table}").fetchall():
        if name == "batch_id":
            # A week before hour-2026-01-29T14 is hour-2026-01-22T14.
            columns.append(
                "if(starts_with(batch_id, 'hour-'), 'hour-' || strftime(strptime(batch_id,"
                " 'hour-%Y-%m-%dT%H') - interval (week * 168) hour, '%Y-%m-%dT%H'), batch_id)"
            )
        elif kind == "TIMESTAMP":
            columns.append(f"{name} - interval (week * 168) hour")
        elif kind == "UUID":
            columns.append(f"md5({name}::varchar || week)::uuid")
        elif name in SHIFTED_TEXT:
            columns.append(f"{name} || '-' || week")
        else:
            columns.append(name)
    # Oldest week first, in the order in which a real warehouse grows; in one transaction, because
    # each commit would checkpoint the WAL into the file.
    connection.execute(f"create temp table newest as select * from {table}")
    connection.execute(f"truncate {table}")
    connection.execute("begin")
    for week in range(weeks, -1, -1):
        shifted = ", ".join(columns) if week else "newest.*"
        connection.execute(
            f"insert into {table} select {shifted} from newest, (select {week} as week) as weeks"
        )
    connection.execute("commit")
    connection.execute("drop table newest")


def _size(home: Home) -> dict[str, float]:
    with duckdb.connect(str(home.warehouse_db), read_only=True) as connection:
        facts = connection.execute("select count(*) from marts.fct_liquidations").fetchone()[0]
    return {"facts": facts, "gigabytes": home.warehouse_db.stat().st_size / 1e9}
