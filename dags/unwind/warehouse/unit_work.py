"""Units of work: parts of a build that any process can do, in any order, as often as needed.

A unit is a plain description. It reads the files of its run, builds with dbt on databases of its
own, and leaves Parquet files in a folder that gets its name when it is whole. The writer's dbt
takes their rows (dbt_project/macros/units.sql).
"""

from __future__ import annotations

import shutil
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from unwind.errors import UnwindError, sentence_of
from unwind.progress import Progress
from unwind.settings import Home
from unwind.warehouse.dbt import Command, DbtError, DbtProcess

# In a unit's own folder, the Parquet files that it leaves.
ROWS = "rows"


class UnitError(UnwindError, RuntimeError):
    """A unit could not be built; the text names it, and says why and what to do."""


@dataclass(frozen=True)
class Work(ABC):
    """A unit; `folder` is that of its run, within the home; `sharers` units share the memory."""

    folder: str
    sharers: int

    @property
    @abstractmethod
    def name(self) -> str:
        """Its folder's name, which dbt reads (units.sql)."""

    @property
    @abstractmethod
    def words(self) -> str:
        """For messages: what it builds."""

    @abstractmethod
    def prepare(self, home: Home, unit_home: Home) -> Command:
        """Makes the files in which it is built, and says by which command.

        Raises duckdb.Error, OSError.
        """

    @abstractmethod
    def finish(self, unit_home: Home) -> None:
        """Writes what dbt has not written as Parquet. Raises duckdb.Error, OSError."""


def run_units(
    home: Home, units: Sequence[Work], dbt: DbtProcess, step: str, report: Progress
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
            commands[name] = unit.prepare(home, beside[name])
    progress = _Progress(step, report, len(commands))
    failed: Mapping[str, UnwindError] = dbt.run_together(commands, progress) if commands else {}
    for name, unit in waiting.items():
        with _named(home, unit, errors):
            if name in failed:
                raise failed[name]
            if name in commands:
                unit.finish(beside[name])
                _put_in_place(beside[name].root, home.root / unit.folder / name)
    return errors


def is_complete(home: Home, unit: Work) -> bool:
    """Whether the unit's rows are there."""
    return (home.root / unit.folder / unit.name).is_dir()


def refuse_missing(home: Home, units: Sequence[Work]) -> None:
    """Raises UnitError where a unit is not complete."""
    missing = [unit.words for unit in units if not is_complete(home, unit)]
    if missing:
        raise UnitError(f"not built: {', '.join(missing)}; `unwind refresh` builds all of it")


def folder_of(home: Home, run_id: str) -> Path:
    """Where the units of a run are."""
    return _folders(home) / run_id


def discard(home: Home) -> None:
    """Deletes the units of all runs, complete or not."""
    shutil.rmtree(_folders(home), ignore_errors=True)


def _folders(home: Home) -> Path:
    return home.warehouse_dir / "units"


@contextmanager
def _named(home: Home, unit: Work, errors: dict[str, UnwindError]) -> Iterator[None]:
    """Notes an error of the block, with the unit that it is of."""
    try:
        yield
    except DbtError as error:
        errors[unit.name] = type(error)(f"{unit.words}: {error}")
    except (duckdb.Error, OSError) as error:
        why = sentence_of(error, home.root) or str(error)
        errors[unit.name] = UnitError(f"{unit.words} could not be built: {why}")


def _put_in_place(built: Path, target: Path) -> None:
    """Gives a unit's rows the name by which they are taken, and deletes what else it needed."""
    try:
        (built / ROWS).rename(target)
    except OSError:
        # Another attempt was first.
        if not target.is_dir():
            raise
    shutil.rmtree(built, ignore_errors=True)


class _Progress:
    """The models that all units have built so far, reported as one number."""

    def __init__(self, step: str, report: Progress, units: int) -> None:
        self._step = f"{step} in {'one unit' if units == 1 else f'{units} units'}"
        self._report = report
        self._units = units
        self._done: dict[str, int] = {}

    def __call__(self, unit: str, done: int, total: int) -> None:
        self._done[unit] = done
        self._report(self._step, sum(self._done.values()), self._units * total)
