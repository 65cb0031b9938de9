"""Continuity: a release holds what the one before it held, but for what its build replaced.

Each release keeps, beside its file, how many rows each mart has of each day, and a hash of them
that does not depend on their order. A build compares all counts with those of the newest release,
and by hash the days that it touched and a sample of the others that moves on from build to build.
Only rows of hours, batches and runs that the build replaced may differ: whatever else does,
something was lost, doubled or damaged outside of the build.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

CONTENTS_FILE = "contents.parquet"

# 2026-11-25: of the days that a build leaves alone one in thirty is hashed: all of them within a
# month of daily builds, and in a day and a half of hourly ones.
SAMPLE_EVERY = 30

# The day of rows in each mart; null where a mart has no time of its own.
DAY_OF = {"landing_outcomes": "sealed_at", "gate_results": "checked_at"}

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
    def sentence(self) -> str:
        """What differs, in words."""
        rows = f"marts.{self.mart}" + (f" of {self.day}" if self.day else "")
        if self.expected == self.found:
            return f"{rows} has {self.found} rows as recorded, and not the same ones"
        return f"{rows} has {self.found} rows where {self.expected} were recorded"


def verify_release(release: Path) -> list[Difference]:
    """Hashes every mart of a release's file again and compares with what was recorded beside it.

    `release` is the release's folder. An empty list where all is as recorded, or where nothing was
    (releases of older versions). Raises OSError or duckdb.Error where a file cannot be read.
    """
    recorded = read(release)
    if recorded is None:
        return []
    with _attached({"warehouse": release / "warehouse.duckdb"}) as connection:
        found = contents(connection, "warehouse")
    return differences(recorded, found)


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
) -> dict[Key, Rows]:
    """Counts and hashes of the marts of an attached database, by mart and day.

    `only` narrows it to some marts, `where` to the rows of a mart that meet a condition.
    """
    columns = _columns(connection, database)
    found: dict[Key, Rows] = {}
    for mart in sorted(columns) if only is None else [name for name in only if name in columns]:
        day = _day(mart, columns[mart])
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


def write(found: Contents, folder: Path) -> None:
    """Keeps contents beside a release's file."""
    with duckdb.connect() as connection:
        connection.execute(
            "create table contents"
            " (mart varchar, day date, row_count bigint, content_hash varchar, hashed_by varchar)"
        )
        if found:
            connection.executemany(
                "insert into contents values (?, ?, ?, ?, ?)",
                [
                    [mart, day, rows.count, rows.content, hash_version()]
                    for (mart, day), rows in found.items()
                ],
            )
        connection.execute(
            f"copy (from contents order by mart, day) to '{_text(folder / CONTENTS_FILE)}'"
            " (format parquet)"
        )


def read(folder: Path) -> dict[Key, Rows] | None:
    """What was recorded of a release; null where it was made by a version that recorded nothing.

    Hashes by another version of DuckDB's functions are left out: only their counts compare.
    """
    path = folder / CONTENTS_FILE
    if not path.is_file():
        return None
    with duckdb.connect() as connection:
        rows = connection.execute(
            "select mart, day, row_count, content_hash, hashed_by from read_parquet(?)", [str(path)]
        ).fetchall()
    return {
        (mart, day): Rows(count, content if version == hash_version() else None)
        for mart, day, count, content, version in rows
    }


def hash_version() -> str:
    """By what hashes are made: DuckDB's hash functions may change with its version."""
    return f"duckdb {duckdb.__version__}"


@contextmanager
def _attached(files: Mapping[str, Path]) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        for name, path in files.items():
            connection.execute(f"attach '{_text(path)}' as {name} (read_only)")
        yield connection


def _columns(connection: duckdb.DuckDBPyConnection, database: str) -> dict[str, list[str]]:
    rows = connection.execute(
        "select table_name, list(column_name) from duckdb_columns()"
        " where database_name = ? and schema_name = 'marts' group by table_name",
        [database],
    ).fetchall()
    return dict(rows)


def _day(mart: str, columns: list[str]) -> str:
    column = DAY_OF.get(mart) or ("hour_at" if "hour_at" in columns else None)
    return f"{column}::date" if column else "null::date"


def _text(path: Path) -> str:
    return str(path).replace("'", "''")
