"""Staging in units of batches, side by side in forks of one dbt process.

The rows that are staged of a batch depend on that batch, on seeds, and on nothing else: that is why
a batch can be staged again by itself (ADR 3). One large batch is not divided. A unit has the
ledger's tables of its batches in a database of its own, reads their raw lines, and leaves a Parquet
file for each staged table; the writer replaces these batches' rows by all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from unwind.database import connect, quoted
from unwind.progress import Progress
from unwind.settings import Home
from unwind.warehouse import workers
from unwind.warehouse.dbt import DBT_PROJECT, Command, DbtProcess
from unwind.warehouse.plan import current_plan
from unwind.warehouse.state import staging_state
from unwind.warehouse.unit_work import ROWS, Work, discard, folder_of, refuse_missing

# A judgement, as that of units of hours: below this dbt's start takes longer than it saves.
MIN_LINES = 250_000
STAGING = DBT_PROJECT / "models" / "staging"
# Of the ledger's tables, those that staging reads.
OF_BATCHES = ("batches", "build_batches", "build_objects")


@dataclass(frozen=True)
class StagingUnit(Work):
    """Some of the batches being built, and the folders of staging models that they need."""

    place: int
    batches: tuple[str, ...]
    folders: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its folder's name, in the order in which rows are taken."""
        return f"batches_{self.place:04}"

    @property
    def words(self) -> str:
        """For messages: `the staging of hour-2026-01-19T00 and 11 more batches`."""
        more = len(self.batches) - 1
        others = f" and {more} more batch{'es' if more > 1 else ''}" if more else ""
        return f"the staging of {self.batches[0]}{others}"

    def prepare(self, home: Home, unit_home: Home) -> Command:
        """Makes a staging file that knows the unit's batches alone."""
        unit_home.warehouse_dir.mkdir(parents=True)
        (unit_home.root / ROWS).mkdir()
        with connect(unit_home, unit_home.staging_db, sharers=self.sharers) as connection:
            connection.execute(f"attach {quoted(home.staging_db)} as built (read_only)")
            for schema in ("landed", "intermediate", "ops", "seeds"):
                connection.execute(f"create schema {schema}")
            tables = connection.execute(
                "select schema_name, table_name from duckdb_tables()"
                " where database_name = 'built' and schema_name in ('ops', 'seeds')"
            ).fetchall()
            for schema, table in tables:
                named = f"{schema}.{table}"
                limit = "" if schema == "seeds" else " limit 0"
                if table in OF_BATCHES:
                    limit = " where batch_id in (select unnest($batches))"
                given = {"batches": list(self.batches)} if table in OF_BATCHES else None
                connection.execute(f"create table {named} as from built.{named}{limit}", given)
        return Command(
            unit_home,
            ["run", "--select", *(f"fqn:unwind.staging.{folder}" for folder in self.folders)],
            {"UNWIND_DBT_UNIT": str(unit_home.root / ROWS)},
            self.sharers,
        )

    def finish(self, unit_home: Home) -> None:
        """Nothing is left to do: staging has no Python models."""


@contextmanager
def apart(
    home: Home, dbt: DbtProcess | None, processes: int, is_first: bool, report: Progress
) -> Iterator[Mapping[str, str]]:
    """Stages what is planned in units, where that gains something.

    Gives the variables with which the writer's dbt takes the rows; none where nothing was divided.
    The rows are deleted afterwards. `is_first`: seeds have not been written yet, or have changed.
    Raises UnitError, DbtError.
    """
    planned = plan(home, processes) if dbt and processes > 1 else ()
    if not dbt or not planned:
        yield {}
        return
    try:
        if is_first:
            dbt.run(["seed"])
        workers.run_missing(home, planned, dbt, "staging", report)
        refuse_missing(home, planned)
        yield {"UNWIND_DBT_UNITS": str(home.root / planned[0].folder)}
    finally:
        discard(home)


def plan(home: Home, processes: int) -> tuple[StagingUnit, ...]:
    """The batches being built in units of about equally many raw lines; none for one unit."""
    with staging_state(home) as state:
        run_id, _ = current_plan(state)
        lines = lines_of_batches(state)
        folders = state.execute("select folder from ops.build_folders order by 1").fetchall()
    parts = divided(lines, workers.affordable(processes))
    if len(parts) < 2:
        return ()
    folder = folder_of(home, f"{run_id}-staging").relative_to(home.root).as_posix()
    return tuple(
        StagingUnit(
            folder=folder,
            sharers=len(parts),
            place=place,
            batches=tuple(sorted(part)),
            folders=tuple(name for (name,) in folders if (STAGING / name).is_dir()),
        )
        for place, part in enumerate(parts)
    )


def divided(lines: Sequence[tuple[str, int]], most: int) -> list[list[str]]:
    """The batches with their lines as at most `most` parts of about equally many lines.

    The largest come first, each goes to the part that has least. One part where lines are few.
    """
    count = min(most, len(lines), sum(size for _, size in lines) // MIN_LINES)
    if count < 2:
        return [[batch for batch, _ in lines]]
    parts: list[list[str]] = [[] for _ in range(count)]
    sizes = [0] * count
    for batch, size in sorted(lines, key=lambda one: (-one[1], one[0])):
        least = sizes.index(min(sizes))
        parts[least].append(batch)
        sizes[least] += size
    return parts


def lines_of_batches(state: duckdb.DuckDBPyConnection) -> list[tuple[str, int]]:
    """The batches being built that have raw lines, and how many."""
    return state.execute(
        "select batch_id, sum(lines)::bigint from ops.build_objects"
        " where lines > 0 group by 1 order by 1"
    ).fetchall()
