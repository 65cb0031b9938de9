"""Two years of hours of fifty assets, built from nothing within two gigabytes."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path

from tests.benchmarks.container import run_within
from tests.benchmarks.made_days import FIRST_DAY, HOURS_OF_A_DAY, Market
from tests.benchmarks.memory import CONTAINER
from tests.benchmarks.report import Report
from unwind.database import connect
from unwind.settings import Home

DAYS, ASSETS = 730, 50


def two_years(report: Report, folder: Path, days: int, assets: int) -> None:
    """Notes the seconds and the peaks of the refresh, and what it published.

    Raises RuntimeError where the refresh fails.
    """
    home, market = Home(folder / "home"), Market(assets)
    for place in range(days):
        market.land_day(home, FIRST_DAY + timedelta(days=place))
    environment = {**os.environ, "UNWIND_HOME": str(home.root)}
    refresh = [sys.executable, "-m", "unwind.cli", "refresh"]
    outcome = run_within(CONTAINER, refresh, environment, home.temp)
    report.note("refresh", hours=days * HOURS_OF_A_DAY, assets=assets, **outcome.figures)
    if outcome.returncode:
        raise RuntimeError("the refresh did not come to its end; see what it printed above")
    with connect(home, home.current / "warehouse.duckdb", read_only=True) as release:
        for name in ("fct_liquidations", "fct_prices", "liquidations_hourly", "stress_hourly"):
            (rows,) = release.execute(f"select count(*) from marts.{name}").fetchone() or (0,)
            report.note(name, rows=rows)
