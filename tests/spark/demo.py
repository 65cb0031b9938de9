"""What `make demo` has landed, built on Spark and on DuckDB: from nothing, and after corrections.

`python -m tests.spark.demo HOME FOLDER`, or `make spark-demo`: an hour and 3 GB, of which Spark's
builds are nearly all. It prints the minutes of each refresh and the tables that differ, and ends
with 1 where there are any. `--workers 2`, or `make spark-demo WORKERS=2`, builds on a standalone
cluster on loopback, of a master and two workers.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from unittest import mock

from tests.spark.cluster import cluster
from tests.spark.comparing import differences
from tests.warehouse.hand_made import copied
from unwind.clock import Clock
from unwind.landing.ledger import Ledger
from unwind.settings import Home
from unwind.spark.build import build_on_spark
from unwind.warehouse.building import BuildMarts
from unwind.warehouse.refresh import refresh

LATE = "hour-2026-01-29T05"
EMPTIED = "hour-2026-01-29T11"
# Sealed at first without these, and later with them.
SEALED_AGAIN, VENUES_LATER = "hour-2026-01-29T08", ("hyperliquid", "okx")
WITHDRAWN, VENUE_WITHDRAWN = "hour-2026-01-29T12", "binance"
# Spark's minutes are planning and compiling more than rows.
SETTINGS = {
    "UNWIND_SPARK_MASTER": "local[2]",
    "UNWIND_SPARK_MEMORY": "4g",
    "UNWIND_SPARK_OPTIONS": "spark.sql.shuffle.partitions=2 spark.sql.adaptive.enabled=false"
    " spark.sql.codegen.wholeStage=false spark.sql.codegen.factoryMode=NO_CODEGEN",
}


class Corrections:
    """The ledger of a home, of which some landings are kept apart and come back."""

    def __init__(self, home: Home, folder: Path) -> None:
        self._home, self._folder, self._ledger = home, folder, Ledger(home)

    def begin(self) -> datetime:
        """Takes what comes later out of the ledger; returns when the last batch was sealed."""
        [late] = [ref for ref in self._ledger.sealed() if ref.batch_id == LATE]
        shutil.move(late.path, self._folder)
        [again] = [ref for ref in self._ledger.sealed() if ref.batch_id == SEALED_AGAIN]
        seal = self._ledger.read(again)
        again.path.unlink()
        for venue in VENUES_LATER:
            shutil.move(self._home.landed / SEALED_AGAIN / f"{venue}.json", self._folder)
        self._ledger.seal(seal.batch, seal.sealed_at)
        return max(self._ledger.read(ref).sealed_at for ref in self._ledger.sealed())

    def correct(self, now: datetime) -> None:
        """An hour arrives that is older than the newest, and another one is withdrawn."""
        for path in self._folder.glob(f"{LATE}.*"):
            shutil.copy(path, self._home.batches)
        self._ledger.withdraw(EMPTIED, None, "wrong", now)

    def correct_again(self, now: datetime) -> None:
        """An hour is sealed again with more venues, and another one loses a venue."""
        for venue in VENUES_LATER:
            shutil.copy(self._folder / f"{venue}.json", self._home.landed / SEALED_AGAIN)
        before = self._ledger.last_seal(SEALED_AGAIN)
        assert before is not None
        after = self._ledger.seal(before.batch, now)
        assert (before.revision, after.revision) == (1, 2)
        self._ledger.withdraw(WITHDRAWN, VENUE_WITHDRAWN, "wrong", now)


def main(arguments: list[str]) -> int:
    """Builds three times on both; returns 1 where any table differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.spark.demo", description=__doc__)
    parser.add_argument("home", type=Path, help="of the demo")
    parser.add_argument(
        "folder", type=Path, help="for the two homes that are built, and logs; emptied"
    )
    parser.add_argument("--workers", type=int, default=0, help="of a cluster; 0: in one process")
    options = parser.parse_args(arguments)
    shutil.rmtree(options.folder, ignore_errors=True)
    options.folder.mkdir(parents=True)
    with ExitStack() as running:
        settings = {**SETTINGS, **os.environ}
        if options.workers:
            begun = running.enter_context(cluster(options.folder, options.workers))
            settings["UNWIND_SPARK_MASTER"] = begun.master
        running.enter_context(mock.patch.dict(os.environ, settings))
        return 1 if any(_differences_by_step(Home(options.home), options.folder)) else 0


def _differences_by_step(demo: Home, folder: Path) -> list[dict[str, str]]:
    homes = {name: copied(demo, folder / name) for name in ("duckdb", "spark")}
    corrections = {}
    for name, home in homes.items():
        (folder / f"{name}_later").mkdir()
        corrections[name] = Corrections(home, folder / f"{name}_later")
    sealed_at = max(one.begin() for one in corrections.values())
    found = []
    for step in range(3):
        now = sealed_at + timedelta(hours=1 + step)
        for name, home in homes.items():
            if step == 1:
                corrections[name].correct(now)
            elif step == 2:
                corrections[name].correct_again(now)
            _refreshed(home, lambda now=now: now, build_on_spark if name == "spark" else None)
        wrong = differences(homes["duckdb"], homes["spark"])
        print(f"build {step + 1}: {wrong or 'no table differs'}", flush=True)
        found.append(wrong)
    return found


def _refreshed(home: Home, clock: Clock, build_marts: BuildMarts | None) -> None:
    started = time.perf_counter()
    report = refresh(home, clock=clock, build_marts=build_marts)
    if report.release_id is None:
        raise RuntimeError(f"the refresh of {home.root} published nothing: {report}")
    minutes = (time.perf_counter() - started) / 60
    print(f"{home.root.name}: {minutes:.1f} min, {report.warnings} warnings", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
