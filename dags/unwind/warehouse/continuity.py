"""Continuity: a release keeps the rows of the previous one, except those that its build replaced.

Each release stores, next to its file, the row count of each mart and day with an order-independent
hash. A build compares the count of each mart with that of the newest release, and counts and hashes
of the days that it touched and of a sample of the others that moves on from build to build. Only
rows of hours, batches and runs that the build replaced may differ: any other difference means that
rows were lost, doubled or damaged outside the build.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb

from unwind.database import quoted, row_of
from unwind.settings import Home
from unwind.warehouse.contents import (
    CONTENTS_FILE,
    NOTHING,
    Contents,
    Difference,
    Key,
    Rows,
    attached,
    columns_of,
    contents_of,
    dated_by,
    differences,
    of_marts,
    read,
    read_file,
    write,
)
from unwind.warehouse.gone_hours import GONE_DAYS, GONE_HOURS, name_gone_hours
from unwind.warehouse.order import order_of
from unwind.warehouse.promises import (
    BATCHES,
    DAYS,
    HOURS,
    KEPT_HOURS,
    RUNS,
    Mart,
    marts,
    replaced_days,
    replaced_hours,
)

# 2026-11-25: of the days that a build leaves alone one in so many is hashed: all of them within a
# month of daily builds, and in a day and a half of hourly ones.
SAMPLE_EVERY = 31
# Of a long history so many days of a mart, however long it is: two years in a week of hours. They
# stand together, because DuckDB reads a range at once.
SAMPLED_DAYS = 4
ONE_DAY = timedelta(days=1)
HOURS_OF_A_DAY = 24

# What a release changes of the warehouse after the gates have judged it.
WRITTEN_AT_PUBLISHING = ("gate_results", "release", "published_releases", "mart_revisions")


@dataclass(frozen=True)
class Comparison:
    """What a build compared with the release before it.

    `lost` are differences that the build's replaced rows do not explain. `shrunk` are days with
    fewer rows of which the build replaced some: a correction or a fault. `found` is stored with
    the new release; `release_id` is null if there was nothing to compare with, and `problem` states
    why if there should have been.
    """

    release_id: str | None
    lost: tuple[Difference, ...]
    shrunk: tuple[Difference, ...]
    found: Contents
    problem: str | None = None


def compare(home: Home, built_at: datetime, sharers: int = 1) -> Comparison:
    """Compares the warehouse, as this build leaves it, with the release before it.

    By count each mart, and where that differs each of its days; by hash the rows that the build did
    not replace in the days that it touched, and one in SAMPLE_EVERY of the other days (of a long
    history SAMPLED_DAYS of each mart), others from hour to hour of `built_at`. `sharers` processes
    share the memory. Raises duckdb.Error where a file cannot be read.
    """
    files = {"staging": home.staging_db, "warehouse": home.warehouse_db}
    with attached(files, sharers) as connection:
        folder = former_release(connection, home)
        problem = None
        if folder:
            try:
                recorded = read(folder)
                former = quoted(folder / "warehouse.duckdb")
                connection.execute(f"attach {former} as former (read_only)")
            except duckdb.Error as error:
                # The readers' release is broken, which must not block a sound one.
                problem = f"release {folder.name} cannot be read: {str(error).splitlines()[0]}"
        if folder is None or problem or recorded is None:
            return Comparison(None, (), (), of_marts(connection, "warehouse"), problem)
        before, now = columns_of(connection, "former"), columns_of(connection, "warehouse")
        name_gone_hours(connection, before)
        touched_days = _touched_days(connection)
        counts = _counts(connection, now, recorded, touched_days)
        touched = {
            (mart, day)
            for mart, day in recorded.keys() | counts.keys()
            if mart not in touched_days or day in touched_days[mart]
        }
        differing = differences(recorded, counts)
        lost = [one for one in differing if one.key not in touched]
        lost += _replaced_nothing_and_differ(connection, touched, before, now)
        every = _turns(len({day for _, day in counts}))
        sampled = {
            key for key in counts if key not in touched and _is_sampled(key, built_at, every)
        }
        fresh = (
            touched | sampled | {key for key in counts if not recorded.get(key, NOTHING).content}
        )
        hashed = _hashed(connection, fresh & counts.keys(), now)
        lost += differences(
            {key: recorded[key] for key in sampled & recorded.keys()},
            {key: hashed.get(key, NOTHING) for key in sampled & recorded.keys()},
        )
    shrunk = [one for one in differing if one.found < one.expected and one.key in touched]
    return Comparison(
        release_id=folder.name,
        lost=tuple(dict.fromkeys(lost)),
        shrunk=tuple(one for one in shrunk if _grows(marts()[one.mart])),
        found={
            key: hashed.get(key) or Rows(rows.count, recorded[key].content)
            for key, rows in counts.items()
        },
    )


def keep(home: Home, found: Contents, run_id: str) -> None:
    """Keeps a run's contents until it is published."""
    write(found, _kept_until_published(home, run_id))


def publish(home: Home, run_id: str, folder: Path) -> None:
    """Writes the contents of a release beside its file.

    They are what the run's gate found; the tables that publishing itself writes are hashed now, and
    all of them where the run was judged by something else.
    """
    kept = _kept_until_published(home, run_id)
    with attached({"warehouse": home.warehouse_db}) as connection:
        judged = read_file(kept)
        only = None if judged is None else WRITTEN_AT_PUBLISHING
        written = of_marts(connection, "warehouse", only)
    found = {key: rows for key, rows in (judged or {}).items() if key[0] not in (only or ())}
    write({**found, **written}, folder / CONTENTS_FILE)
    for leftover in home.warehouse_dir.glob("*contents.*.parquet*"):
        leftover.unlink()


def verify_release(release: Path) -> list[Difference]:
    """Hashes every mart of a release's file again and compares with what was recorded beside it.

    `release` is the release's folder. An empty list where all is as recorded, or where nothing was
    (releases of older versions). Raises OSError or duckdb.Error where a file cannot be read.
    """
    recorded = read(release)
    if recorded is None:
        return []
    return differences(recorded, contents_of(release))


def former_release(connection: duckdb.DuckDBPyConnection, home: Home) -> Path | None:
    """The folder of the release to compare with: the newest one, if the warehouse comes after it.

    Null before the first release, and where the one that the warehouse was last published as has
    been deleted since: an older one lacks what was built meanwhile.
    """
    folders = [
        path.parent
        for path in home.releases.glob(f"[!.]*/{CONTENTS_FILE}")
        if (path.parent / "warehouse.duckdb").is_file()
    ]
    newest = max(folders, key=lambda folder: order_of(folder.name), default=None)
    published = {
        release_id
        for (release_id,) in connection.execute(
            "select release_id from staging.ops.built_batches"
        ).fetchall()
    }
    last = max(published, key=order_of, default=None)
    if newest and last and order_of(last) > order_of(newest.name):
        return None
    return newest


def _replaced(mart: Mart) -> str:
    """A condition for the rows of a mart that this build replaced or may have dropped."""
    if mart.partition == HOURS:
        rebuilt = f"hour_at in ({replaced_hours(mart)} union from {GONE_HOURS})"
        return f"{rebuilt} or hour_at not in ({KEPT_HOURS})" if mart.keeps_as_of_hours else rebuilt
    if mart.partition == DAYS:
        return f"event_date in ({replaced_days(mart)} union {GONE_DAYS})"
    if mart.partition == BATCHES:
        return (
            "batch_id in (select batch_id from staging.ops.build_batches)"
            " or batch_id not in (select batch_id from staging.ops.batches)"
        )
    if mart.partition == RUNS and mart.name == "gate_results":
        # Verdicts go with the state that they were given in, where that is made again.
        return (
            "run_id not in (select run_id from former.marts.gate_results)"
            " or run_id not in (select run_id from staging.ops.gate_results)"
        )
    return "true"


def _grows(mart: Mart) -> bool:
    """Whether a mart has fewer rows of a day only where something was corrected or lost."""
    return mart.partition != RUNS and not mart.keeps_as_of_hours


def _touched_days(connection: duckdb.DuckDBPyConnection) -> dict[str, set[date]]:
    """The days of which this build replaced rows, of the marts that are kept by hours or days."""
    queries = {
        mart.name: (
            f"select distinct hour_at::date from staging.ops.hours where {_replaced(mart)}"
            f" union select distinct hour_at::date from ({replaced_hours(mart)}) union {GONE_DAYS}"
            if mart.partition == HOURS
            else f"{replaced_days(mart)} union {GONE_DAYS}"
        )
        for mart in marts().values()
        if mart.partition in (HOURS, DAYS)
    }
    days = {
        query: {day for (day,) in connection.execute(query).fetchall()}
        for query in set(queries.values())
    }
    return {name: days[query] for name, query in queries.items()}


def _counts(
    connection: duckdb.DuckDBPyConnection,
    columns: Mapping[str, list[str]],
    recorded: Contents,
    touched_days: Mapping[str, Collection[date]],
) -> dict[Key, Rows]:
    """The counts of all marts and days, without hashes.

    Where as many rows as recorded stand outside of the days that the build touched, their counts
    are taken as recorded: years of them are not read.
    """
    found: dict[Key, Rows] = {}
    untouched: dict[str, dict[Key, Rows]] = {mart: {} for mart in columns}
    for key, rows in recorded.items():
        mart, day = key
        if mart in touched_days and mart in columns and day not in touched_days[mart]:
            untouched[mart][key] = Rows(rows.count, None)
    for mart, others in untouched.items():
        count = row_of(connection, f"select count(*) from warehouse.marts.{mart}")[0]
        if others:
            where = {mart: _of_days(mart, touched_days[mart])}
            near = of_marts(connection, "warehouse", [mart], where, hashed=False, columns=columns)
            if count == sum(rows.count for rows in [*near.values(), *others.values()]):
                found |= others | near
                continue
        found |= of_marts(connection, "warehouse", [mart], hashed=False, columns=columns)
    return found


def _replaced_nothing_and_differ(
    connection: duckdb.DuckDBPyConnection,
    touched: Collection[Key],
    before: Mapping[str, list[str]],
    now: Mapping[str, list[str]],
) -> list[Difference]:
    """Differences among the rows that this build did not replace, in the days that it touched.

    `before` and `now` are the marts' columns in the former release and in this build.
    """
    found = []
    for mart in marts().values():
        condition = _replaced(mart)
        days = [day for name, day in touched if name == mart.name]
        if condition == "true" or not days:
            continue
        kept = {mart.name: f"not coalesce({condition}, false) and {_of_days(mart.name, days)}"}
        found += differences(
            of_marts(connection, "former", [mart.name], kept, columns=before),
            of_marts(connection, "warehouse", [mart.name], kept, columns=now),
        )
    return found


def _hashed(
    connection: duckdb.DuckDBPyConnection, keys: Collection[Key], columns: Mapping[str, list[str]]
) -> dict[Key, Rows]:
    """Counts and hashes of just these marts and days; `columns` are the marts' columns.

    Each run of days is read by itself, because a range is all that DuckDB prunes by.
    """
    days: dict[str, list[date | None]] = {}
    for name, day in keys:
        days.setdefault(name, []).append(day)
    found: dict[Key, Rows] = {}
    for name, listed in sorted(days.items()):
        for run in _runs(listed):
            where = {name: _of_days(name, run)}
            found |= of_marts(connection, "warehouse", [name], where, columns=columns)
    return found


def _runs(days: Collection[date | None]) -> list[list[date | None]]:
    """Days in runs without a gap; those without a date are a run of their own."""
    runs: list[list[date | None]] = [[None]] if None in days else []
    last = None
    for day in sorted(day for day in days if day is not None):
        if last is None or day - last > ONE_DAY:
            runs.append([])
        runs[-1].append(day)
        last = day
    return runs


def _of_days(mart: str, days: Collection[date | None]) -> str:
    """A condition for the rows of a mart that are of these days."""
    known = sorted(day for day in days if day is not None)
    column = dated_by(column.name for column in marts()[mart].columns)
    if column is None:
        return "true"
    conditions = [f"{column} is null"] if None in days else []
    if known:
        # The range comes first, because DuckDB can prune by it.
        listed = ", ".join(f"date '{day}'" for day in known)
        conditions.append(
            f"{column} >= date '{known[0]}' and {column} < date '{known[-1]}' + interval 1 day"
            f" and {column}::date in ({listed})"
        )
    return f"({' or '.join(f'({one})' for one in conditions) or 'false'})"


def _turns(days: int) -> int:
    """In how many builds all days of a history have had their turn, hourly builds or daily ones."""
    every = max(SAMPLE_EVERY, days // SAMPLED_DAYS)
    # Else the same few turns would come at the same time of each day.
    while math.gcd(every, HOURS_OF_A_DAY) > 1:
        every += 1
    return every


def _is_sampled(key: Key, built_at: datetime, every: int) -> bool:
    mart, day = key
    # Each mart's days begin elsewhere, so that a build samples some days of each.
    place = zlib.crc32(mart.encode()) + (day.toordinal() if day else 0)
    return place // SAMPLED_DAYS % every == int(built_at.timestamp() // 3600) % every


def _kept_until_published(home: Home, run_id: str) -> Path:
    return home.warehouse_dir / f"contents.{run_id}.parquet"


def carry_rows(connection: duckdb.DuckDBPyConnection, mart: str) -> None:
    """Adds to a mart of `warehouse` the rows that it has in `former`, by the columns of both.

    Raises duckdb.Error where `former` has no such mart.
    """
    own, there = (columns_of(connection, name).get(mart, []) for name in ("warehouse", "former"))
    shared = ", ".join(name for name in own if name in there)
    connection.execute(
        f"insert into warehouse.marts.{mart} by name select {shared} from former.marts.{mart}"
    )
