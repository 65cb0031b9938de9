"""A refresh by one, two and four processes over the same day of imported frames.

The build is divided however small it is.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from unittest import mock

from tests.benchmarks.made_hours import FIRST_HOUR, write_frames
from unwind.landing.imports import import_files
from unwind.settings import Home
from unwind.warehouse import continuity, releases, units
from unwind.warehouse.refresh import refresh

PROCESSES = (1, 2, 4)


def workers(folder: Path, frames: int) -> None:
    """Prints the seconds of the refresh and of its build, their ratios, and whether rows differ."""
    file, landed = folder / "frames.ndjson", Home(folder / "landed")
    write_frames(file, frames)
    import_files(landed, "binance", "frames", [file], _clock)
    seconds: dict[int, dict[str, float]] = {}
    found = {}
    for count in PROCESSES:
        home = Home(folder / f"processes-{count}")
        for part in ("raw", "ledger"):
            shutil.copytree(landed.root / part, home.root / part)
        seconds[count] = _refreshed(home, count)
        found[count] = continuity.contents_of(releases.current_db(home).parent)
        spent = ", ".join(f"{step} {one:.1f} s" for step, one in seconds[count].items())
        print(f"{count} processes: {spent}", flush=True)
        shutil.rmtree(home.root)
    for count in PROCESSES[1:]:
        ratios = ", ".join(
            f"{step} {one / seconds[count][step]:.2f}" for step, one in seconds[1].items()
        )
        differing = [
            one
            for one in continuity.differences(found[1], found[count])
            if one.mart not in continuity.WRITTEN_AT_PUBLISHING
        ]
        print(f"one process over {count}: {ratios}; differing: {differing or 'none'}")


def _clock():
    return FIRST_HOUR.replace(year=FIRST_HOUR.year + 1)


def _refreshed(home: Home, count: int) -> dict[str, float]:
    """Seconds of staging, of building (facts and what is above them) and of the whole refresh."""
    first: dict[str, float] = {}

    def note(step: str, done: int, total: int) -> None:
        first.setdefault(step.partition(" facts")[0], time.perf_counter())

    started = time.perf_counter()
    with mock.patch.object(units, "MIN_ROWS", 1):
        refresh(home, clock=_clock, report=note, processes=count)
    ended = time.perf_counter()
    return {
        "staging": first["landed gate"] - started,
        "building": first["marts gate"] - first["landed gate"],
        "all": ended - started,
    }
