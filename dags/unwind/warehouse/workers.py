"""The units of a build in local processes, which share this machine's memory and processors."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from unwind.errors import MEMORY_VARIABLE
from unwind.memory import BYTES_PER_THREAD, described, memory_limit
from unwind.progress import Progress
from unwind.settings import Home
from unwind.warehouse.dbt import DbtKilledError, DbtProcess
from unwind.warehouse.unit_work import Work, is_complete, run_units

logger = logging.getLogger(__name__)


def affordable(workers: int) -> int:
    """As many of these workers as memory allows. Raises SettingError."""
    return min(workers, max(1, memory_limit() // BYTES_PER_THREAD))


def of_this_machine(workers: int) -> int:
    """As many of these workers as this machine has processors and memory for; says where it lacks.

    Raises SettingError.
    """
    if workers == 1:
        return 1
    processors = len(os.sched_getaffinity(0))
    here = affordable(min(workers, processors))
    if here < workers:
        limit = f"{MEMORY_VARIABLE} is {described(memory_limit())}, {described(BYTES_PER_THREAD)}"
        logger.warning(
            "%d workers instead of %d: %s",
            here,
            workers,
            f"this machine has {processors} processor{'s' if processors > 1 else ''}"
            if here == processors
            else f"{limit} for each",
        )
    return here


def run_missing(
    home: Home, units: Sequence[Work], dbt: DbtProcess | None, step: str, report: Progress
) -> None:
    """Builds the units that are not complete, side by side in forks of one dbt process.

    A unit whose process was killed is built once more, alone. Raises UnitError, DbtError; the
    other units are complete then, or have errors of their own.
    """
    if all(is_complete(home, unit) for unit in units):
        return
    with _open(home, dbt) as process:
        errors = run_units(home, units, process, step, report)
        for unit in units:
            if isinstance(errors.get(unit.name), DbtKilledError):
                logger.warning("once more: %s", errors.pop(unit.name))
                errors |= run_units(home, [unit], process, step, report)
    for error in errors.values():
        raise error


@contextmanager
def _open(home: Home, dbt: DbtProcess | None) -> Iterator[DbtProcess]:
    if dbt:
        yield dbt
        return
    with DbtProcess(home) as process:
        yield process
