"""Continuity: a release keeps the rows of the previous one, except those that its build replaced.

Each release stores, next to its file, the row count of each mart and day with an order-independent
hash. A build compares all counts with those of the newest release, and the hashes of the days that
it touched and of a sample of the others that moves on from build to build. Only rows of hours,
batches and runs that the build replaced may differ: any other difference means that rows were
lost, doubled or damaged outside the build.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from unwind.database import in_memory
from unwind.settings import Home
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

CONTENTS_FILE = "contents.parquet"

# 2026-11-25: of the days that a build leaves alone one in thirty is hashed: all of them within a
# month of daily builds, and in a day and a half of hourly ones.
SAMPLE_EVERY = 30
# Of a long history so many days of a mart, however long it is: two years in a week of hours.
SAMPLED_DAYS = 4
ONE_DAY = timedelta(days=1)

# What a release changes of the warehouse after the gates have judged it.
WRITTEN_AT_PUBLISHING = ("gate_results", "release", "published_releases", "mart_revisions")

# The columns that date a mart's rows, the first that it has; without one it has no days.
DATED_BY = ("hour_at", DAYS, "sealed_at", "checked_at", "published_at")

Key = tuple[str, date | None]


@dataclass(frozen=True)
class Rows:
    """How many rows a mart has of a day, and the hash of them; null where it was not worked out."""

    count: int
    content: str | None


Contents = Mapping[Key, Rows]


@dataclass(frozen=True)
class Difference:
    """A mart's rows of a day that are not what a release recorded of them."""

    mart: str
    day: date | None
    expected: int
    found: int

    @property
    def key(self) -> Key:
        """The mart and the day."""
        return self.mart, self.day

    @property
    def sentence(self) -> str:
        """The difference, in words."""
        rows = f"marts.{self.mart}" + (f" of {self.day}" if self.day else "")
        if self.expected == self.found:
            return f"{rows} has {self.found} rows as recorded, and not the same ones"
        return f"{rows} has {self.found} rows where {self.expected} were recorded"


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

    All counts of all marts and days; by hash the rows that the build did not replace in the days
    that it touched, and one in SAMPLE_EVERY of the other days (of a long history SAMPLED_DAYS of
    each mart), others from hour to hour of `built_at`. `sharers` processes share the memory. Raises
    duckdb.Error where a file cannot be read.
    """
    files = {"staging": home.staging_db, "warehouse": home.warehouse_db}
    with _attached(files, sharers) as connection:
        folder = former_release(connection, home)
        problem = None
        if folder:
            try:
                recorded = read(folder)
                former = _text(folder / "warehouse.duckdb")
                connection.execute(f"attach '{former}' as former (read_only)")
            except duckdb.Error as error:
                # The readers' release is broken, which must not block a sound one.
                problem = f"release {folder.name} cannot be read: {str(error).splitlines()[0]}"
        if folder is None or problem or recorded is None:
            return Comparison(None, (), (), contents(connection, "warehouse"), problem)
        counts = contents(connection, "warehouse", hashed=False)
        name_gone_hours(connection, columns_of(connection, "former"))
        touched = _touched(connection, recorded.keys() | counts.keys())
        differing = differences(recorded, counts)
        lost = [one for one in differing if one.key not in touched]
        lost += _replaced_nothing_and_differ(connection, touched)
        every = max(SAMPLE_EVERY, len({day for _, day in counts}) // SAMPLED_DAYS)
        sampled = {
            key for key in counts if key not in touched and _is_sampled(key, built_at, every)
        }
        fresh = (
            touched | sampled | {key for key in counts if not recorded.get(key, NOTHING).content}
        )
        hashed = _hashed(connection, fresh & counts.keys())
        lost += differences(
            {key: recorded[key] for key in sampled & recorded.keys()},
            {key: hashed[key] for key in sampled & recorded.keys()},
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
    with _attached({"warehouse": home.warehouse_db}) as connection:
        judged = read_file(kept)
        only = None if judged is None else WRITTEN_AT_PUBLISHING
        written = contents(connection, "warehouse", only)
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


def contents_of(release: Path) -> dict[Key, Rows]:
    """Counts and hashes of a release's file as it is now. Raises duckdb.Error."""
    with _attached({"warehouse": release / "warehouse.duckdb"}) as connection:
        return contents(connection, "warehouse")


def differences(recorded: Contents, found: Contents) -> list[Difference]:
    """Marts and days of which count or hash differ; a hash that either lacks is not compared."""
    return [
        Difference(*key, was.count, now.count)
        for key in sorted(recorded.keys() | found.keys(), key=str)
        for was, now in [(recorded.get(key, NOTHING), found.get(key, NOTHING))]
        if was.count != now.count or (was.content and now.content and was.content != now.content)
    ]


NOTHING = Rows(0, None)


def contents(
    connection: duckdb.DuckDBPyConnection,
    database: str,
    only: Iterable[str] | None = None,
    where: Mapping[str, str] | None = None,
    hashed: bool = True,
    columns: Mapping[str, list[str]] | None = None,
) -> dict[Key, Rows]:
    """Counts and hashes of the marts of an attached database, by mart and day.

    `only` narrows it to some marts, `where` to the rows of a mart that meet a condition; `columns`
    are the marts' columns, if already known.
    """
    columns = columns or columns_of(connection, database)
    found: dict[Key, Rows] = {}
    for mart in sorted(columns) if only is None else [name for name in only if name in columns]:
        day = _day(columns[mart])
        # Sums do not depend on the order of rows, and two equal rows do not cancel out.
        listed = ", ".join(f'"{name}"' for name in sorted(columns[mart]))
        content = f"sum(hash({listed})::hugeint)::varchar" if hashed else "null"
        condition = f"where {where[mart]}" if where and mart in where else ""
        for row in connection.execute(
            f"select {day} as day, count(*), {content}"
            f" from {database}.marts.{mart} {condition} group by all"
        ).fetchall():
            found[mart, row[0]] = Rows(row[1], row[2])
    return found


def write(found: Contents, path: Path) -> None:
    """Writes contents to a Parquet file, whole or not at all."""
    beside = path.with_name(f".{path.name}.part")
    with in_memory() as connection:
        connection.execute(
            "create table contents"
            " (mart varchar, day date, row_count bigint, content_hash varchar, hashed_by varchar)"
        )
        if found:
            listed = pa.table(
                {
                    "mart": pa.array([mart for mart, _ in found], pa.string()),
                    "day": pa.array([day for _, day in found], pa.date32()),
                    "row_count": pa.array([rows.count for rows in found.values()], pa.int64()),
                    "content_hash": pa.array(
                        [rows.content for rows in found.values()], pa.string()
                    ),
                    "hashed_by": pa.array([hash_version()] * len(found), pa.string()),
                }
            )
            connection.register("listed", listed)
            connection.execute("insert into contents by name from listed")
        connection.execute(
            f"copy (from contents order by mart, day) to '{_text(beside)}' (format parquet)"
        )
    beside.replace(path)


def read(folder: Path) -> dict[Key, Rows] | None:
    """The recorded contents of a release; None for one of a version that recorded none."""
    return read_file(folder / CONTENTS_FILE)


def read_file(path: Path) -> dict[Key, Rows] | None:
    """Contents as written by `write`; null if there is no file.

    Hashes by another version of DuckDB's functions are left out: only their counts compare.
    """
    if not path.is_file():
        return None
    with in_memory() as connection:
        rows = connection.execute(
            "select mart, day, row_count, content_hash, hashed_by from read_parquet(?)", [str(path)]
        ).fetchall()
    return {
        (mart, day): Rows(count, content if version == hash_version() else None)
        for mart, day, count, content, version in rows
    }


def hash_version() -> str:
    """The hash function's version: DuckDB's hashes may change with its version."""
    return f"duckdb {duckdb.__version__}"


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


def _touched(connection: duckdb.DuckDBPyConnection, keys: Collection[Key]) -> set[Key]:
    """Marts and days of which this build replaced rows; of marts not kept by hours all days."""
    by_hours: dict[str, set[date]] = {}
    for mart in marts().values():
        if mart.partition == HOURS:
            rows = connection.execute(
                f"select distinct hour_at::date from staging.ops.hours where {_replaced(mart)}"
                f" union select distinct hour_at::date from ({replaced_hours(mart)})"
                f" union {GONE_DAYS}"
            ).fetchall()
            by_hours[mart.name] = {day for (day,) in rows}
        if mart.partition == DAYS:
            rows = connection.execute(f"{replaced_days(mart)} union {GONE_DAYS}").fetchall()
            by_hours[mart.name] = {day for (day,) in rows}
    return {(name, day) for name, day in keys if name not in by_hours or day in by_hours[name]}


def _replaced_nothing_and_differ(
    connection: duckdb.DuckDBPyConnection, touched: Collection[Key]
) -> list[Difference]:
    """Differences among the rows that this build did not replace, in the days that it touched."""
    found = []
    before, now = columns_of(connection, "former"), columns_of(connection, "warehouse")
    for mart in marts().values():
        condition = _replaced(mart)
        days = [day for name, day in touched if name == mart.name]
        if condition == "true" or not days:
            continue
        kept = {mart.name: f"not coalesce({condition}, false) and {_of_days(mart.name, days)}"}
        found += differences(
            contents(connection, "former", [mart.name], kept, columns=before),
            contents(connection, "warehouse", [mart.name], kept, columns=now),
        )
    return found


def _hashed(connection: duckdb.DuckDBPyConnection, keys: Collection[Key]) -> dict[Key, Rows]:
    """Counts and hashes of just these marts and days.

    Each run of days is read by itself: a range is all that DuckDB prunes by, and the days of the
    sample stand far apart.
    """
    days: dict[str, list[date | None]] = {}
    for name, day in keys:
        days.setdefault(name, []).append(day)
    columns = columns_of(connection, "warehouse")
    found: dict[Key, Rows] = {}
    for name, listed in sorted(days.items()):
        for run in _runs(listed):
            where = {name: _of_days(name, run)}
            found |= contents(connection, "warehouse", [name], where, columns=columns)
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
    return f"({' or '.join(f'({one})' for one in conditions)})"


def _is_sampled(key: Key, built_at: datetime, every: int) -> bool:
    turn = int(built_at.timestamp() // 3600) % every
    return zlib.crc32(f"{key[0]} {key[1]}".encode()) % every == turn


def _kept_until_published(home: Home, run_id: str) -> Path:
    return home.warehouse_dir / f"contents.{run_id}.parquet"


@contextmanager
def _attached(files: Mapping[str, Path], sharers: int = 1) -> Iterator[duckdb.DuckDBPyConnection]:
    with in_memory(sharers) as connection:
        for name, path in files.items():
            connection.execute(f"attach '{_text(path)}' as {name} (read_only)")
        yield connection


def columns_of(connection: duckdb.DuckDBPyConnection, database: str) -> dict[str, list[str]]:
    """The marts in an attached database with their columns, in order."""
    rows = connection.execute(
        "select table_name, list(column_name order by column_index) from duckdb_columns()"
        " where database_name = ? and schema_name = 'marts' group by table_name",
        [database],
    ).fetchall()
    return {name: columns for name, columns in rows if name in marts()}


def carry_rows(connection: duckdb.DuckDBPyConnection, mart: str) -> None:
    """Adds to a mart of `warehouse` the rows that it has in `former`, by the columns of both.

    Raises duckdb.Error where `former` has no such mart.
    """
    own, there = (columns_of(connection, name).get(mart, []) for name in ("warehouse", "former"))
    shared = ", ".join(name for name in own if name in there)
    connection.execute(
        f"insert into warehouse.marts.{mart} by name select {shared} from former.marts.{mart}"
    )


def dated_by(columns: Iterable[str]) -> str | None:
    """The column that dates a mart's rows; None where it has none."""
    there = set(columns)
    return next((one for one in DATED_BY if one in there), None)


def _day(columns: Iterable[str]) -> str:
    column = dated_by(columns)
    return f"{column}::date" if column else "null::date"


def _text(path: Path) -> str:
    return str(path).replace("'", "''")
