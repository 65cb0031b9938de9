"""Units of a build: ranges of hours whose facts can be built apart, by any process, in any order.

    units = plan_units(home, run_id, 4, selection)   # the writer; none where one process does
    run_unit(home, unit)                             # anyone who has the home's files
    assembling(home, run_id, units)                  # the writer: dbt then takes the units' rows

A unit is a plain description: it can be sent as JSON, to another machine too where the home is on
storage that both have. It reads the files of its run and writes into a folder of its own, which
gets its name when it is whole; running it again does nothing, or all of it. What divides a build is
the contract that increments have (pending_hours.py, lookbacks.py): a model's rows of an hour depend
on hours that its look-back names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from unwind.database import connect, quoted
from unwind.durable import write_json
from unwind.progress import no_progress
from unwind.settings import Home
from unwind.warehouse import unit_files
from unwind.warehouse.dbt import Command, DbtProcess
from unwind.warehouse.divided import MAX_LOOKBACK_HOURS, models_above, steps_of_a_unit
from unwind.warehouse.unit_work import (
    ROWS,
    Work,
    discard,
    folder_of,
    is_complete,
    refuse_missing,
    run_units,
)
from unwind.warehouse.workers import affordable

# 2026-11-27: two units of 500,000 rows took 30% more processor time than one build of all (their
# inputs, their rows written twice, dbt's start) and on two busy cores were now faster, now slower.
# A judgement: twice as many leave room for that; from where on it pays is not known.
MIN_ROWS = 1_000_000
# 2026-11-27: an hour without rows still has its coverage, as much work as some hundred rows.
ROWS_PER_HOUR = 500

# What is reported of it, before "in 2 units".
STEP = "building facts"
PLAN = "plan.json"
HOUR = "%Y-%m-%dT%H"


@dataclass(frozen=True)
class Unit(Work):
    """A range of hours to build, from the first to the last, in UTC as `2026-01-19T00`.

    `rows` are those staged for it; `selection` is what dbt selects, of which it builds its part.
    """

    first_hour: str
    last_hour: str
    rows: int
    selection: str

    def described(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return asdict(self)

    @property
    def words(self) -> str:
        """For messages: `the unit of 2026-01-19T00 to 2026-01-19T11`."""
        return f"the unit of {self.first_hour} to {self.last_hour}"

    @property
    def name(self) -> str:
        """Its folder's name, which dbt reads (units.sql)."""
        return f"hours_{self.first_hour}_{self.last_hour}"

    def prepare(self, home: Home, unit_home: Home) -> Command:
        """Makes its own staging file, of the inputs of its run."""
        folder = home.root / self.folder
        hours = json.loads((folder / PLAN).read_text())["hours"][self.name]
        pending = list(map(datetime.fromisoformat, hours))
        unit_files.prepare(folder, unit_home, pending, self.sharers)
        return Command(
            unit_home,
            ["run", "--select", self.selection, "--exclude", *sorted(models_above())],
            {"UNWIND_DBT_UNIT": str(unit_home.root / ROWS)},
            self.sharers,
        )

    def finish(self, unit_home: Home) -> None:
        """Writes the rows of Python models, which dbt builds as tables."""
        unit_files.write_rows_of_tables(unit_home, self.sharers)


def plan_units(home: Home, run_id: str, workers: int, selection: str) -> tuple[Unit, ...]:
    """The units of the pending hours, with their inputs written; none where dividing gains nothing.

    Called again for the same run, it gives the same units. Raises duckdb.Error, OSError.
    """
    folder = folder_of(home, run_id)
    if (folder / PLAN).exists():
        return planned(home, run_id)
    discard(home)
    parts = divided(_rows_of_hours(home), affordable(workers))
    if len(parts) < 2:
        return ()
    folder.mkdir(parents=True)
    unit_files.write_inputs(home, folder, [hour for part in parts for hour, _ in part])
    units = tuple(
        Unit(
            folder=folder.relative_to(home.root).as_posix(),
            first_hour=f"{part[0][0]:{HOUR}}",
            last_hour=f"{part[-1][0]:{HOUR}}",
            rows=sum(rows for _, rows in part),
            selection=selection,
            sharers=min(workers, len(parts)),
        )
        for part in parts
    )
    hours = {
        unit.name: [hour.isoformat() for hour, _ in part]
        for unit, part in zip(units, parts, strict=True)
    }
    write_json(folder / PLAN, {"units": [unit.described() for unit in units], "hours": hours})
    return units


def planned(home: Home, run_id: str) -> tuple[Unit, ...]:
    """The units of a run as they were planned; none where it was not divided."""
    try:
        plan = json.loads((folder_of(home, run_id) / PLAN).read_text())
    except FileNotFoundError:
        return ()
    return tuple(Unit(**described) for described in plan["units"])


def is_planned(home: Home, unit: Unit) -> bool:
    """Whether the unit's run is under way."""
    return (home.root / unit.folder / PLAN).exists()


def run_unit(home: Home, unit: Unit) -> bool:
    """Builds a unit, unless it is complete; False where its run is over.

    A run is over when another refresh has begun, which plans its hours again. Raises UnitError,
    DbtError.
    """
    if is_complete(home, unit):
        return True
    if not is_planned(home, unit):
        return False
    with DbtProcess(home) as dbt:
        errors = run_units(home, [unit], dbt, STEP, no_progress)
    if errors and not is_planned(home, unit):
        return False
    for error in errors.values():
        raise error
    return True


def assembling(
    home: Home, run_id: str, units: Sequence[Unit]
) -> tuple[Mapping[str, str], Sequence[str]]:
    """What the writer's dbt needs to take the units' rows: variables, and models to exclude.

    Raises UnitError where a unit is not complete.
    """
    if not units:
        return {}, ()
    refuse_missing(home, units)
    return {"UNWIND_DBT_UNITS": str(folder_of(home, run_id))}, sorted(steps_of_a_unit())


def _rows_of_hours(home: Home) -> list[tuple[datetime, int]]:
    """The hours that divided models rebuild, in order, each with its staged rows.

    Empty where all of staging is too little to divide.
    """
    with connect(home) as connection:
        connection.execute(f"attach {quoted(home.staging_db)} as staging (read_only)")
        tables = connection.execute(
            "select table_name, estimated_size from duckdb_tables()"
            " where schema_name = 'landed' and estimated_size > 0"
        ).fetchall()
        if sum(size for _, size in tables) < 2 * MIN_ROWS:
            return []
        connection.execute(
            f"""
            create temp table rebuilt as
            select hour_at from staging.ops.pending_hours
            union
            select spine.hour_at
            from staging.ops.hours as spine
            asof inner join staging.ops.pending_hours as pending
                on spine.hour_at >= pending.hour_at
            where spine.hour_at <= pending.hour_at + interval {MAX_LOOKBACK_HOURS} hour
            """
        )
        rows = " union all ".join(
            f"select hour_at from staging.landed.{name}" for name, _ in tables
        )
        return connection.execute(
            f"""
            select rebuilt.hour_at, count(staged.hour_at)
            from rebuilt
            left join ({rows}) as staged on rebuilt.hour_at = staged.hour_at
            group by all
            order by 1
            """
        ).fetchall()


def divided(hours: Sequence[tuple[datetime, int]], most: int) -> list[list[tuple[datetime, int]]]:
    """The hours with their rows as ranges of about equally many rows, at most `most` of them.

    It is one range where the rows are few.
    """
    total = sum(rows + ROWS_PER_HOUR for _, rows in hours)
    count = min(most, len(hours), sum(rows for _, rows in hours) // MIN_ROWS)
    if count < 2:
        return [list(hours)]
    parts: list[list[tuple[datetime, int]]] = [[]]
    passed = 0
    for place, (hour, rows) in enumerate(hours):
        left = len(hours) - place
        middle = passed + (rows + ROWS_PER_HOUR) / 2
        is_full = middle >= total * len(parts) / count or left == count - len(parts)
        if parts[-1] and len(parts) < count and is_full:
            parts.append([])
        parts[-1].append((hour, rows))
        passed += rows + ROWS_PER_HOUR
    return parts
