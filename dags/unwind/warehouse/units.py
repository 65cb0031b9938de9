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
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from unwind.database import connect, quoted
from unwind.durable import write_json
from unwind.errors import UnwindError, sentence_of
from unwind.memory import BYTES_PER_THREAD, memory_limit
from unwind.progress import Progress, no_progress
from unwind.settings import Home
from unwind.warehouse import unit_files
from unwind.warehouse.dbt import Command, DbtError, DbtProcess
from unwind.warehouse.divided import MAX_LOOKBACK_HOURS, models_above, steps_of_a_unit

# 2026-11-27: two units of 500,000 rows took 30% more processor time than one build of all (their
# inputs, their rows written twice, dbt's start) and on two busy cores were now faster, now slower.
# A judgement: twice as many leave room for that; from where on it pays is not known.
MIN_ROWS = 1_000_000
# 2026-11-27: an hour without rows still has its coverage, as much work as some hundred rows.
ROWS_PER_HOUR = 500

PLAN = "plan.json"
HOUR = "%Y-%m-%dT%H"


class UnitError(UnwindError, RuntimeError):
    """A unit could not be built; the text names it, and says why and what to do."""


@dataclass(frozen=True)
class Unit:
    """A range of hours to build, from the first to the last, in UTC as `2026-01-19T00`.

    `folder` is that of its run, within the home; `rows` are those staged for it. `selection` is
    what dbt selects, of which the unit builds its part; `sharers` units share the machine's memory.
    """

    folder: str
    first_hour: str
    last_hour: str
    rows: int
    selection: str
    sharers: int

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


def plan_units(home: Home, run_id: str, workers: int, selection: str) -> tuple[Unit, ...]:
    """The units of the pending hours, with their inputs written; none where dividing gains nothing.

    Called again for the same run, it gives the same units. Raises duckdb.Error, OSError.
    """
    folder = _folder(home, run_id)
    if (folder / PLAN).exists():
        return planned(home, run_id)
    discard(home)
    parts = divided(_rows_of_hours(home), min(workers, memory_limit() // BYTES_PER_THREAD))
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
        plan = json.loads((_folder(home, run_id) / PLAN).read_text())
    except FileNotFoundError:
        return ()
    return tuple(Unit(**described) for described in plan["units"])


def is_planned(home: Home, unit: Unit) -> bool:
    """Whether the unit's run is under way."""
    return (home.root / unit.folder / PLAN).exists()


def is_complete(home: Home, unit: Unit) -> bool:
    """Whether the unit's rows are there."""
    return (home.root / unit.folder / unit.name).is_dir()


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
        errors = run_units(home, [unit], dbt, no_progress)
    if errors and not is_planned(home, unit):
        return False
    for error in errors.values():
        raise error
    return True


def run_units(
    home: Home, units: Sequence[Unit], dbt: DbtProcess, report: Progress
) -> dict[str, UnwindError]:
    """Builds units side by side, and puts those in place that are built; errors by name."""
    waiting = {unit.name: unit for unit in units if not is_complete(home, unit)}
    # Of a killed attempt nothing is used; another one may be at work in a folder of its own.
    beside = {
        name: Home(home.root / unit.folder / f".{name}.{uuid.uuid4().hex[:8]}.part")
        for name, unit in waiting.items()
    }
    errors: dict[str, UnwindError] = {}
    commands = {}
    for name, unit in waiting.items():
        with _named(home, unit, errors):
            commands[name] = _prepared(home.root / unit.folder, unit, beside[name])
    failed = dbt.run_together(commands, _Progress(report, len(commands))) if commands else {}
    for name in commands:
        with _named(home, waiting[name], errors):
            if name in failed:
                raise failed[name]
            unit_files.write_rows_of_tables(beside[name], waiting[name].sharers)
            _put_in_place(beside[name].root, home.root / waiting[name].folder / name)
    return errors


def assembling(
    home: Home, run_id: str, units: Sequence[Unit]
) -> tuple[Mapping[str, str], Sequence[str]]:
    """What the writer's dbt needs to take the units' rows: variables, and models to exclude.

    Raises UnitError where a unit is not complete.
    """
    if not units:
        return {}, ()
    missing = [unit.words for unit in units if not is_complete(home, unit)]
    if missing:
        raise UnitError(f"not built: {', '.join(missing)}; `unwind refresh` builds all of it")
    return {"UNWIND_DBT_UNITS": str(_folder(home, run_id))}, sorted(steps_of_a_unit())


def discard(home: Home) -> None:
    """Deletes the units of all runs, complete or not."""
    shutil.rmtree(_folders(home), ignore_errors=True)


@contextmanager
def _named(home: Home, unit: Unit, errors: dict[str, UnwindError]) -> Iterator[None]:
    """Notes an error of the block, with the unit that it is of."""
    try:
        yield
    except DbtError as error:
        errors[unit.name] = type(error)(f"{unit.words}: {error}")
    except (duckdb.Error, OSError) as error:
        why = sentence_of(error, home.root) or str(error)
        errors[unit.name] = UnitError(f"{unit.words} could not be built: {why}")


def _prepared(folder: Path, unit: Unit, unit_home: Home) -> Command:
    hours = json.loads((folder / PLAN).read_text())["hours"][unit.name]
    unit_files.prepare(folder, unit_home, list(map(datetime.fromisoformat, hours)), unit.sharers)
    return Command(
        unit_home,
        ["run", "--select", unit.selection, "--exclude", *sorted(models_above())],
        {"UNWIND_DBT_UNIT": str(unit_home.root / unit_files.ROWS)},
        unit.sharers,
    )


def _put_in_place(built: Path, target: Path) -> None:
    """Gives a unit's rows the name by which they are taken, and deletes what else it needed."""
    try:
        (built / unit_files.ROWS).rename(target)
    except OSError:
        # Another attempt was first.
        if not target.is_dir():
            raise
    shutil.rmtree(built, ignore_errors=True)


class _Progress:
    """The models that all units have built so far, reported as one number."""

    def __init__(self, report: Progress, units: int) -> None:
        self._report = report
        self._units = units
        self._done: dict[str, int] = {}

    def __call__(self, unit: str, done: int, total: int) -> None:
        self._done[unit] = done
        parts = "one unit" if self._units == 1 else f"{self._units} units"
        self._report(f"building facts in {parts}", sum(self._done.values()), self._units * total)


def _folders(home: Home) -> Path:
    return home.warehouse_dir / "units"


def _folder(home: Home, run_id: str) -> Path:
    return _folders(home) / run_id


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
