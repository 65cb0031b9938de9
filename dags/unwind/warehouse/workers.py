"""Local processes that run the units of a build, each with its share of memory and processors."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import SimpleQueue

from unwind.progress import Progress
from unwind.settings import Home
from unwind.warehouse.dbt import DbtKilledError, Worker, end_worker, worker_of
from unwind.warehouse.units import Unit, is_complete, run_unit

logger = logging.getLogger(__name__)


def run_units(home: Home, units: Sequence[Unit], report: Progress) -> None:
    """Runs the units that are not complete, as many at a time as share the memory.

    A unit whose process was killed is run once more. Raises UnitError, DbtError; the others are
    built to their end first, and need not be built again.
    """
    waiting = [unit for unit in units if not is_complete(home, unit)]
    if not waiting:
        return
    count = min(len(waiting), max(unit.sharers for unit in waiting))
    # Here, not in the threads, beside which no process may be forked.
    workers = [worker_of(home) for _ in range(count)]
    free: SimpleQueue[Worker] = SimpleQueue()
    for worker in workers:
        free.put(worker)
    progress, is_over = _Progress(report, len(waiting)), threading.Event()
    try:
        with ThreadPoolExecutor(count) as pool:
            runs = [pool.submit(_run, home, unit, free, progress, is_over) for unit in waiting]
            try:
                errors = [error for run in runs if (error := run.exception())]
            except BaseException:
                # Ctrl-C: the threads wait for their workers, which end with their input.
                is_over.set()
                for run in runs:
                    run.cancel()
                for worker in workers:
                    _close_input(worker)
                raise
    finally:
        for worker in workers:
            end_worker(worker)
    if errors:
        raise errors[0]


def _run(
    home: Home,
    unit: Unit,
    free: SimpleQueue[Worker],
    progress: _Progress,
    is_over: threading.Event,
) -> None:
    worker = free.get()
    try:
        run_unit(home, unit, progress.of(unit), worker)
    except DbtKilledError as error:
        if is_over.is_set():
            raise
        logger.warning("run again: %s", error)
        run_unit(home, unit, progress.of(unit), worker)
    finally:
        free.put(worker)


def _close_input(worker: Worker) -> None:
    with suppress(OSError):
        if worker.stdin:
            worker.stdin.close()


class _Progress:
    """The models that all units have built so far, reported as one number."""

    def __init__(self, report: Progress, units: int) -> None:
        self._report = report
        self._units = units
        self._lock = threading.Lock()
        self._done: dict[str, tuple[int, int]] = {}

    def of(self, unit: Unit) -> Progress:
        def on_node(name: str, done: int, total: int) -> None:
            with self._lock:
                self._done[unit.name] = done, total
                built = sum(done for done, _ in self._done.values())
                self._report(f"building facts in {self._units} units", built, self._units * total)

        return on_node
