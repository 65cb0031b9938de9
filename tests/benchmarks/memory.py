"""A day of eight million frames, imported and published within two gigabytes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import duckdb

from tests.benchmarks.container import run_within
from tests.benchmarks.made_hours import write_frames
from unwind.settings import Home

CONTAINER = 2 * 2**30


def memory(folder: Path, frames: int) -> None:
    """Prints the seconds and the peak memory of the import and of the refresh."""
    home, file = Home(folder / "home"), folder / "frames.ndjson"
    write_frames(file, frames)
    environment = {**os.environ, "UNWIND_HOME": str(home.root)}
    for name, argv in commands(file).items():
        outcome = run_within(CONTAINER, argv, environment)
        within = "within 2 GiB" if outcome.was_limited else "no group can be made here, so without"
        print(
            f"{name} of {frames:,} frames: exit code {outcome.returncode}, {outcome.seconds:.0f} s,"
            f" {outcome.peak / 2**20:,.0f} MiB at most ({within})",
            flush=True,
        )
    with duckdb.connect(str(home.current / "warehouse.duckdb"), read_only=True) as release:
        [(facts,)] = release.execute("select count(*) from marts.fct_liquidations").fetchall()
    print(f"published: {facts:,} facts")


def commands(file: Path) -> dict[str, list[str]]:
    """What takes a file of frames to a release: `import`, then `refresh`."""
    unwind = [sys.executable, "-m", "unwind.cli"]
    imports = [*unwind, "import", "--venue", "binance", "--format", "frames", str(file)]
    return {"import": imports, "refresh": [*unwind, "refresh"]}
