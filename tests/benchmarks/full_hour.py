"""The simulated peak hour of all venues: landing, build and publish, against a bare parse."""

from __future__ import annotations

import os
import time
from datetime import datetime, timedelta
from pathlib import Path
from unittest import mock

import duckdb
import requests

from tests.benchmarks.made_hours import AFTER_THE_HOUR
from tests.benchmarks.report import Report
from unwind.clock import HOUR, iso
from unwind.demo import TRACKED_INSTRUMENTS, served_market
from unwind.landing.land import hour_batch, land_venue, seal_batch
from unwind.settings import Home
from unwind.simulator.episode import PEAK_FROM_AT, default_tape
from unwind.simulator.segments import write_segments
from unwind.venues import venues
from unwind.warehouse.refresh import refresh

WARM_UP_HOURS = 2

# The floor: read the hour's lines and parse the payload of each.
FLOOR = """
select count(json(text)), count(json(json_extract_string(text, '$.frame')))
from read_parquet(?)
"""


def full_hour(report: Report, folder: Path) -> None:
    """Notes the seconds of landing and refresh, their sum, and its ratio to the floor."""
    home = Home(folder / "home")
    first = PEAK_FROM_AT - WARM_UP_HOURS * HOUR
    write_segments(default_tape(), home.recorder, first, PEAK_FROM_AT + HOUR)
    with served_market(0) as server:
        tracked = {"UNWIND_TRACKED_INSTRUMENTS": str(TRACKED_INSTRUMENTS)}
        with mock.patch.dict(os.environ, server["environment"] | tracked):
            for place in range(WARM_UP_HOURS):
                _land(home, server["url"], first + place * HOUR)
            now = PEAK_FROM_AT + HOUR + AFTER_THE_HOUR
            refresh(home, clock=lambda: now)
            before = {str(path) for path in home.raw_lines.rglob("*.parquet")}
            started = time.perf_counter()
            _land(home, server["url"], PEAK_FROM_AT)
            landed = time.perf_counter()
    lines = sorted({str(path) for path in home.raw_lines.rglob("*.parquet")} - before)
    refresh(home, clock=lambda: now + timedelta(minutes=1))
    published = time.perf_counter()
    floor_started = time.perf_counter()
    duckdb.sql(FLOOR, params=[lines]).fetchall()
    floor_seconds = time.perf_counter() - floor_started
    with duckdb.connect(str(home.current / "warehouse.duckdb"), read_only=True) as release:
        totals = release.execute(
            "select count(distinct venue), count(*) from marts.fct_liquidations where hour_at = ?",
            [PEAK_FROM_AT.replace(tzinfo=None)],
        ).fetchone()
    report.note("landing", seconds=landed - started)
    report.note("refresh", seconds=published - landed)
    report.note("DuckDB alone, parsing its lines", seconds=floor_seconds)
    report.note(
        "the hour",
        events=totals[1],
        venues=totals[0],
        seconds=published - started,
        times_duckdb_alone=(published - started) / floor_seconds,
    )


def _land(home: Home, url: str, hour_at: datetime) -> None:
    now = hour_at + HOUR + AFTER_THE_HOUR
    requests.post(f"{url}/control", json={"now": iso(now)}, timeout=30).raise_for_status()
    for venue in venues():
        land_venue(home, hour_batch(hour_at), venue, lambda: now)
    seal_batch(home, hour_batch(hour_at), lambda: now, venues())
