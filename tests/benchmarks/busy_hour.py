"""Refreshing an hour of 100,000 events, against DuckDB just parsing and storing the same lines."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import duckdb

from tests.benchmarks.made_hours import AFTER_THE_HOUR, hour_at, land_hour
from tests.benchmarks.report import Report
from unwind.settings import Home
from unwind.warehouse.refresh import refresh

EVENTS = 100_000
WARM_UP_HOURS = 24
WARM_UP_EVENTS = 500

# The floor: read the lines, extract a fact's fields from the JSON, and write them sorted.
FLOOR = """
create or replace table facts as
select
    raw_line,
    json_extract_string(
        json_extract_string(text, '$.frame'),
        ['$.o.s', '$.o.S', '$.o.z', '$.o.ap', '$.o.T', '$.data[0].s', '$.data[0].S',
         '$.data[0].v', '$.data[0].p', '$.data[0].T']
    ) as fields,
    json_extract_string(text, '$.received_at')::timestamptz as received_at
from read_parquet(?)
order by received_at
"""


def busy_hour(report: Report, folder: Path) -> None:
    """Notes the seconds of each phase, the total, and its ratio to the floor."""
    home = Home(folder / "home")
    for place in range(WARM_UP_HOURS):
        land_hour(home, hour_at(place), WARM_UP_EVENTS)
    busy = hour_at(WARM_UP_HOURS)
    now = busy + timedelta(hours=1) + AFTER_THE_HOUR
    refresh(home, clock=lambda: now)
    before = {str(path) for path in home.raw_lines.rglob("*.parquet")}
    land_hour(home, busy, EVENTS)
    lines = sorted({str(path) for path in home.raw_lines.rglob("*.parquet")} - before)

    floor_started = time.perf_counter()
    with duckdb.connect(str(folder / "floor.duckdb")) as floor:
        floor.execute("set TimeZone = 'UTC'")
        floor.execute(FLOOR, [lines])
        floor.execute("checkpoint")
    floor_seconds = time.perf_counter() - floor_started

    began: dict[str, float] = {}

    def note(phase: str, done: int, total: int) -> None:
        began.setdefault(phase, time.perf_counter())

    started = time.perf_counter()
    refresh(home, clock=lambda: now, report=note)
    seconds = time.perf_counter() - started
    marks = [*began.values(), started + seconds]
    for (phase, mark), after in zip(began.items(), marks[1:], strict=True):
        report.note(phase, began_after_seconds=mark - started, seconds=after - mark)
    report.note("DuckDB alone, parsing and keeping", seconds=floor_seconds)
    report.note(
        "refresh", events=EVENTS, seconds=seconds, times_duckdb_alone=seconds / floor_seconds
    )
