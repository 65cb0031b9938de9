"""A day of eight million frames, imported and published within two gigabytes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import duckdb

from tests.benchmarks.container import run_within
from tests.benchmarks.made_hours import write_frames
from tests.benchmarks.report import Report
from unwind.settings import Home

CONTAINER = 2 * 2**30
FRAMES = 8_000_000


def memory(report: Report, folder: Path, frames: int = FRAMES) -> None:
    """Notes the seconds, the peak memory and what is spilled of the import and of the refresh."""
    home, file = Home(folder / "home"), folder / "frames.ndjson"
    write_frames(file, frames)
    environment = {**os.environ, "UNWIND_HOME": str(home.root)}
    for name, argv in commands(file).items():
        outcome = run_within(CONTAINER, argv, environment, home.temp)
        report.note(name, frames=frames, **outcome.figures)
        if outcome.returncode:
            raise RuntimeError(f"`{name}` did not come to its end; see what it printed above")
    with duckdb.connect(str(home.current / "warehouse.duckdb"), read_only=True) as release:
        [(facts,)] = release.execute("select count(*) from marts.fct_liquidations").fetchall()
    report.note("published", facts=facts)


def commands(file: Path) -> dict[str, list[str]]:
    """What takes a file of frames to a release: `import`, then `refresh`."""
    unwind = [sys.executable, "-m", "unwind.cli"]
    imports = [*unwind, "import", "--venue", "binance", "--format", "frames", str(file)]
    return {"import": imports, "refresh": [*unwind, "refresh"]}
