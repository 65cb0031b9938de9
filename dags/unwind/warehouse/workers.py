"""The units of a build in local processes, which share this machine's memory and processors."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from unwind.progress import Progress
from unwind.settings import Home
from unwind.warehouse.dbt import DbtKilledError, DbtProcess
from unwind.warehouse.units import Unit, is_complete, run_units

logger = logging.getLogger(__name__)


def run_missing(
    home: Home, units: Sequence[Unit], dbt: DbtProcess | None, report: Progress
) -> None:
    """Builds the units that are not complete, side by side in forks of one dbt process.

    A unit whose process was killed is built once more, alone. Raises UnitError, DbtError; the
    other units are complete then, or have errors of their own.
    """
    if all(is_complete(home, unit) for unit in units):
        return
    with _open(home, dbt) as process:
        errors = run_units(home, units, process, report)
        for unit in units:
            if isinstance(errors.get(unit.name), DbtKilledError):
                logger.warning("once more: %s", errors.pop(unit.name))
                errors |= run_units(home, [unit], process, report)
    for error in errors.values():
        raise error


@contextmanager
def _open(home: Home, dbt: DbtProcess | None) -> Iterator[DbtProcess]:
    if dbt:
        yield dbt
        return
    with DbtProcess(home) as process:
        yield process
