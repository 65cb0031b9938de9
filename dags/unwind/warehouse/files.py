"""The warehouse's two files: whether they belong together, and how a rebuilt pair replaces them.

warehouse.duckdb and staging.duckdb carry one build id in `ops.build`, which every build renews, and
the id of their home. These ids reveal a file that is missing, broken, or from another home or time.
The pair is then rebuilt from the raw zone beside the old one, and replaces it when it is published.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from unwind.database import connect, in_memory, quoted, row_of
from unwind.durable import atomic_write, sync
from unwind.errors import UnwindError
from unwind.scratch import process_folder
from unwind.settings import Home

# Within the warehouse's folder, so that deleting that folder deletes it as well.
BESIDE = "warehouse/.rebuild"
# There from the moment that a rebuilt pair takes the old one's place until it has.
SWAPPING = "complete"
# Beside the two files, where marts are built on Spark (unwind.spark).
TABLES_OF_SPARK = "spark"

BUILD_TABLE = (
    "create schema if not exists ops;"
    # The id that the other file may have, too, while a build renews it.
    " create table if not exists ops.build (build_id varchar, next_id varchar, home_id varchar);"
    " comment on table ops.build is"
    " 'One row: the build that this file and the other of its pair come from.';"
)
# DuckDB's messages for bytes that are not a database, or a damaged or newer one.
UNUSABLE = (
    *("not a valid DuckDB database file", "Corrupt database file", "Could not read enough bytes"),
    *("Could not read all", "version number", "Serialization", "INTERNAL Error", "deserializ"),
)


# The files that this process holds open, to be written.
_held: set[Path] = set()


class WarehouseFileError(UnwindError, RuntimeError):
    """A file of the warehouse cannot be opened; the text says why and what to do."""


class UnusableFileError(WarehouseFileError):
    """A file is no database that can be read; the text names it."""


@dataclass(frozen=True)
class Build:
    """A file's record of its build; a pair also matches while an id is being renewed."""

    build_id: str
    next_id: str | None
    home_id: str

    @property
    def fitting(self) -> tuple[str | None, ...]:
        return self.build_id, self.next_id


def beside(home: Home) -> Home:
    """The same home with the folder in which a pair is rebuilt beside the one in use."""
    return replace(home, building=BESIDE)


def being_built(home: Home) -> Home:
    """Where the phases of the current refresh build: beside, once a rebuild has begun."""
    rebuilt = beside(home)
    return rebuilt if rebuilt.staging_db.exists() else home


def in_use(home: Home) -> Home:
    """The same home with the pair that is in use."""
    return Home(home.root)


def is_beside(home: Home) -> bool:
    """Whether the home builds a pair that is not in use yet."""
    return home.building == BESIDE


def pair(home: Home) -> tuple[Path, Path]:
    """The two files that belong together: staging and warehouse."""
    return home.staging_db, home.warehouse_db


def wrong_with(home: Home) -> str | None:
    """Why the two files cannot be built on; None where they can, or where neither is there.

    Raises WarehouseFileError for a file that may be sound and cannot be opened.
    """
    missing = [path for path in pair(home) if not path.exists()]
    if len(missing) == 2:
        return None
    if missing:
        return f"{missing[0]} is missing"
    try:
        staging, warehouse = (_build_of(home, path) for path in pair(home))
    except UnusableFileError as error:
        return str(error)
    if staging is None and warehouse is None:
        return f"the files in {home.warehouse_dir} were built by an older version"
    if staging is None or warehouse is None or warehouse.build_id not in staging.fitting:
        return (
            f"{home.warehouse_db.name} and {home.staging_db.name} in {home.warehouse_dir} are not "
            "of one build: one of them comes from another home or another time"
        )
    if not home.identity.exists() or staging.home_id != home.identity.read_text():
        return f"the files in {home.warehouse_dir} come from another home"
    return None


@contextmanager
def held(home: Home) -> Iterator[None]:
    """Holds both files open, those that are there: `opened` then takes no time (else 0.05 s each).

    No other process can open them meanwhile, and a gate of this one may not. What is written is
    checkpointed at the end. Raises as `opened` does.
    """
    with ExitStack() as stack:
        for path in filter(Path.exists, pair(home)):
            stack.enter_context(opened(home, path, read_only=False))
            _held.add(path)
            stack.callback(_held.discard, path)
        yield


@contextmanager
def opened(home: Home, path: Path, read_only: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to one of the files, which must be there; closed afterwards.

    Raises UnusableFileError where it is no readable database, WarehouseFileError where it cannot be
    opened: another process has it, or the system refuses.
    """
    try:
        # A process has one database of a file, as it was opened first.
        connection = connect(home, path, read_only and path not in _held)
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        if any(word in str(error) for word in UNUSABLE):
            raise UnusableFileError(f"{path} is no readable database ({reason})") from None
        what = (
            "close the program that has it open (readers open current/warehouse.duckdb)"
            if "lock" in reason
            else "see to it that it can be read and written, and that the disk has space"
        )
        raise WarehouseFileError(
            f"{path} cannot be opened: {reason}; {what}, then run `unwind refresh` again"
        ) from None
    try:
        yield connection
    finally:
        connection.close()


def refuse_taken(home: Home) -> None:
    """Refuses a folder for the past that has anything but an earlier past in it.

    A past has a home's id, and neither ledger nor raw zone of its own. Raises WarehouseFileError.
    """
    is_past = home.identity.exists() and not home.landed.parent.exists()
    if is_past or not home.root.exists() or not any(home.root.iterdir()):
        return
    raise WarehouseFileError(
        f"{home.root} is a home of its own, or has other files: the past is built beside the "
        "present. Name an empty folder, or one in which a past was built before"
    )


def prepare(home: Home) -> None:
    """Makes both files where they are missing, and folds in what a killed writer has left."""
    home.warehouse_dir.mkdir(parents=True, exist_ok=True)
    is_new = not any(path.exists() for path in pair(home))
    if is_new:
        _make_staging(home)
    if not home.identity.exists():
        with atomic_write(home.identity, process_folder(home)) as written:
            written.write_text(uuid.uuid4().hex)
    build = [uuid.uuid4().hex, None, home.identity.read_text()]
    for path in pair(home):
        with opened(home, path, read_only=False) as connection:
            if is_new:
                connection.execute(BUILD_TABLE)
                connection.execute("insert into ops.build values (?, ?, ?)", build)
            connection.execute("checkpoint")


def _make_staging(home: Home) -> None:
    """Makes the empty file of staging, in the newest format of this DuckDB.

    2026-11-28: its hundred tables are opened in 0.02 s, and in 0.05 s in the format that is the
    default, which releases keep for the sake of older readers. Only this project reads staging.
    """
    with in_memory() as connection:
        connection.execute(
            f"attach {quoted(home.staging_db)} as staging (storage_version 'latest')"
        )


def build_id(home: Home) -> str | None:
    """The build that the two files come from; None where they have none."""
    found = _build_of(home, home.staging_db)
    return found.build_id if found else None


def renew_build_id(home: Home) -> None:
    """Gives both files a new id: a copy of either that was taken before no longer fits.

    Killed in between, staging knows both ids.
    """
    build_id = uuid.uuid4().hex
    staging_db, warehouse_db = pair(home)
    with (
        opened(home, staging_db, read_only=False) as staging,
        opened(home, warehouse_db, read_only=False) as warehouse,
    ):
        for connection, change in (
            (staging, "update ops.build set next_id = ?"),
            (warehouse, "update ops.build set build_id = ?"),
            (staging, "update ops.build set build_id = ?, next_id = null"),
        ):
            connection.execute(change, [build_id])
            connection.execute("checkpoint")


def discard(rebuilt: Home) -> None:
    """Deletes an unfinished rebuild."""
    if is_beside(rebuilt):
        shutil.rmtree(rebuilt.warehouse_dir, ignore_errors=True)


def swap_in(home: Home) -> None:
    """Puts the published rebuild in the place of the files in use; a kill only delays it."""
    rebuilt = beside(home)
    for path in pair(rebuilt):
        sync(path)
    (rebuilt.warehouse_dir / SWAPPING).touch()
    sync(rebuilt.warehouse_dir)
    finish_swap(home)


def finish_swap(home: Home) -> None:
    """Completes an interrupted swap; does nothing without one."""
    rebuilt = beside(home)
    if not (rebuilt.warehouse_dir / SWAPPING).exists():
        return
    for old, new in zip(pair(home), pair(rebuilt), strict=True):
        if new.exists():
            old.with_name(old.name + ".wal").unlink(missing_ok=True)
            new.replace(old)
    tables = rebuilt.warehouse_dir / TABLES_OF_SPARK
    if tables.exists():
        shutil.rmtree(home.warehouse_dir / TABLES_OF_SPARK, ignore_errors=True)
        tables.replace(home.warehouse_dir / TABLES_OF_SPARK)
    sync(home.warehouse_dir)
    discard(rebuilt)


def _build_of(home: Home, path: Path) -> Build | None:
    with opened(home, path) as connection:
        there = row_of(
            connection,
            "select count(*) from duckdb_tables()"
            " where schema_name = 'ops' and table_name = 'build'",
        )
        row = connection.execute("from ops.build").fetchone() if there[0] else None
        return Build(*row) if row else None
