"""Twenty refreshes with changing data while four processes read in a loop."""

from __future__ import annotations

import multiprocessing
from datetime import timedelta
from pathlib import Path

import duckdb

from tests.benchmarks.made_hours import AFTER_THE_HOUR, hour_at, land_hour
from tests.benchmarks.report import Report
from unwind.settings import Home
from unwind.warehouse.refresh import refresh

REFRESHES = 20
READERS = 4
EVENTS_PER_HOUR = 500


def readers(report: Report, folder: Path) -> None:
    """Notes reads, failed reads and inconsistent reads; the latter two must be zero."""
    home = Home(folder / "home")
    land_hour(home, hour_at(0), EVENTS_PER_HOUR)
    _refresh(home, 0)
    processes = multiprocessing.get_context("spawn")
    stop, answers = processes.Event(), processes.Queue()
    reading = [
        processes.Process(target=read_until, args=(str(home.root), stop, answers))
        for _ in range(READERS)
    ]
    for process in reading:
        process.start()
    for turn in range(1, REFRESHES + 1):
        land_hour(home, hour_at(turn), EVENTS_PER_HOUR)
        _refresh(home, turn)
    stop.set()
    counts = [answers.get(timeout=60) for _ in reading]
    for process in reading:
        process.join()
    reads = sum(one[0] for one in counts)
    wrong = [sentence for one in counts for sentence in one[1]]
    report.note("reads", refreshes=REFRESHES, readers=READERS, reads=reads, wrong=len(wrong))
    if wrong:
        raise SystemExit("\n".join(wrong[:5]))


def read_until(root: str, stop, answers) -> None:
    """Opens `current` on every read and checks that four counts agree."""
    home, reads, wrong = Home(Path(root)), 0, []
    while not stop.is_set():
        try:
            with duckdb.connect(
                str(home.current / "warehouse.duckdb"), read_only=True
            ) as connection:
                counts = connection.execute(
                    """
                    select
                        (select count(*) from marts.fct_liquidations),
                        (select sum(events) from marts.liquidations_hourly),
                        (select sum(accepted) from marts.liquidation_accounting),
                        (select count(*) * ? from marts.dim_hours)
                    """,
                    [EVENTS_PER_HOUR],
                ).fetchone()
            if len({int(count) for count in counts}) != 1:
                wrong.append(f"counts differ: {counts}")
        except Exception as error:
            wrong.append(repr(error))
        reads += 1
    answers.put((reads, wrong))


def _refresh(home: Home, place: int) -> None:
    now = hour_at(place) + timedelta(hours=1) + AFTER_THE_HOUR
    refresh(home, clock=lambda: now)
