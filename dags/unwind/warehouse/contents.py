"""What marts hold, by mart and day: how many rows, and a hash that does not depend on their order.

It is worked out of a database (`of_marts`), and kept beside each release (`write`, `read`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from unwind.database import in_memory, quoted
from unwind.warehouse.promises import DAYS, marts

CONTENTS_FILE = "contents.parquet"

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


def contents_of(release: Path) -> dict[Key, Rows]:
    """Counts and hashes of a release's file as it is now. Raises duckdb.Error."""
    with attached({"warehouse": release / "warehouse.duckdb"}) as connection:
        return of_marts(connection, "warehouse")


def differences(recorded: Contents, found: Contents) -> list[Difference]:
    """Marts and days of which count or hash differ; a hash that either lacks is not compared."""
    return [
        Difference(*key, was.count, now.count)
        for key in sorted(recorded.keys() | found.keys(), key=str)
        for was, now in [(recorded.get(key, NOTHING), found.get(key, NOTHING))]
        if was.count != now.count or (was.content and now.content and was.content != now.content)
    ]


NOTHING = Rows(0, None)


def of_marts(
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
            f"copy (from contents order by mart, day) to {quoted(beside)} (format parquet)"
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


@contextmanager
def attached(files: Mapping[str, Path], sharers: int = 1) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to these files, each by its name; `sharers` processes share the memory."""
    with in_memory(sharers) as connection:
        for name, path in files.items():
            connection.execute(f"attach {quoted(path)} as {name} (read_only)")
        yield connection


def columns_of(connection: duckdb.DuckDBPyConnection, database: str) -> dict[str, list[str]]:
    """The marts in an attached database with their columns, in order."""
    rows = connection.execute(
        "select table_name, list(column_name order by column_index) from duckdb_columns()"
        " where database_name = ? and schema_name = 'marts' group by table_name",
        [database],
    ).fetchall()
    return {name: columns for name, columns in rows if name in marts()}


def dated_by(columns: Iterable[str]) -> str | None:
    """The column that dates a mart's rows; None where it has none."""
    there = set(columns)
    return next((one for one in DATED_BY if one in there), None)


def _day(columns: Iterable[str]) -> str:
    column = dated_by(columns)
    return f"{column}::date" if column else "null::date"
