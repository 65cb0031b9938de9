"""A refresh that builds a few marts on Spark: `python -m tests.spark.refreshing HOME`.

It prints each phase with how much of it is done.
"""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

from tests.narrowing import FEW_SUITES, narrowed
from tests.warehouse.hand_made import at
from unwind.settings import Home
from unwind.spark.build import build_on_spark
from unwind.warehouse.building import BuildMarts
from unwind.warehouse.refresh import refresh

BUILT = ("liquidations_hourly", "exchange_breakdown")
BUILDING = "building on Spark"


def clock() -> datetime:
    return at(20)


def refreshed(home: Home, build_marts: BuildMarts | None) -> None:
    def report(phase: str, done: int, total: int) -> None:
        print(f"{phase}: {done}", flush=True)

    with narrowed(BUILT, FEW_SUITES):
        refresh(home, clock=clock, report=report, build_marts=build_marts)


if __name__ == "__main__":
    refreshed(Home(Path(sys.argv[1])), build_on_spark)
