"""A refresh by one, two and more processes over the same day of imported frames, in four batches.

Everything is divided however small it is.
"""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import psutil

from tests.benchmarks.made_hours import FIRST_HOUR, write_frames
from tests.benchmarks.report import Report
from tests.warehouse.dividing import everything_worth_dividing
from unwind.landing.imports import import_files
from unwind.settings import Home
from unwind.warehouse import contents, continuity, releases
from unwind.warehouse.refresh import refresh

FRAMES = 2_000_000
BATCHES = 4
PROCESSES = [count for count in (1, 2, 4, 8) if count <= max(2, len(os.sched_getaffinity(0)))]


def workers(report: Report, folder: Path, frames: int = FRAMES) -> None:
    """Notes seconds and processor seconds of a refresh and its steps, and whether rows differ."""
    landed = Home(folder / "landed")
    for file in _files(folder, frames):
        import_files(landed, "binance", "frames", [file], _clock)
    spent: dict[int, dict[str, tuple[float, float]]] = {}
    found = {}
    for count in PROCESSES:
        home = Home(folder / f"processes-{count}")
        for part in ("raw", "ledger"):
            shutil.copytree(landed.root / part, home.root / part)
        spent[count] = _refreshed(home, count)
        found[count] = contents.contents_of(releases.current_db(home).parent)
        for step, (seconds, of_processors) in spent[count].items():
            figures = {"seconds": seconds, "processor_seconds": of_processors}
            if step in spent[1]:
                figures["one_over_it"] = spent[1][step][0] / seconds
            report.note(step, processes=count, load_average=os.getloadavg()[0], **figures)
        shutil.rmtree(home.root)
    for count in PROCESSES[1:]:
        differing = [
            str(one)
            for one in contents.differences(found[1], found[count])
            if one.mart not in continuity.WRITTEN_AT_PUBLISHING
        ]
        report.note("marts that differ", processes=count, marts=", ".join(differing) or "none")


def _files(folder: Path, frames: int = FRAMES) -> list[Path]:
    """The day's frames in files of equally many."""
    write_frames(folder / "frames.ndjson", frames)
    files = [folder / f"frames-{place}.ndjson" for place in range(BATCHES)]
    with (folder / "frames.ndjson").open() as lines:
        for place, file in enumerate(files):
            with file.open("w") as part:
                for _ in range(frames * place // BATCHES, frames * (place + 1) // BATCHES):
                    part.write(next(lines))
    return files


def _clock() -> datetime:
    return FIRST_HOUR.replace(year=FIRST_HOUR.year + 1)


def _refreshed(home: Home, count: int) -> dict[str, tuple[float, float]]:
    """Seconds, and those of processors, of the parts of a refresh and of all of it."""
    seen: dict[str, list[tuple[float, float]]] = {}

    def note(step: str, done: int, total: int) -> None:
        name = step.partition(" in ")[0] + (" in units" if " in " in step else "")
        now = _spent()
        seen[name] = [seen.get(name, [now])[0], now]

    started = _spent()
    with everything_worth_dividing():
        refresh(home, clock=_clock, report=note, processes=count)
    ended = _spent()
    steps = {
        "staging": (started, seen["landed gate"][0]),
        "building": (seen["landed gate"][1], seen["marts gate"][0]),
        "all": (started, ended),
    }
    if count > 1:
        # What the writer does alone.
        steps["staging after units"] = (seen["staging in units"][1], seen["landed gate"][0])
        steps["building after units"] = (seen["building facts in units"][1], seen["marts gate"][0])
    return {
        step: (after[0] - before[0], after[1] - before[1])
        for step, (before, after) in steps.items()
    }


def _spent() -> tuple[float, float]:
    """The clock, and the processor seconds of this process and of all that it has started."""
    processors = 0.0
    for one in (psutil.Process(), *psutil.Process().children(recursive=True)):
        with suppress(psutil.Error):
            processors += sum(one.cpu_times()[:4])
    return time.perf_counter(), processors
