"""What others make of the same Binance frames, beside this project's `import` and `refresh`.

The others parse, type, key and sum up hours. The project also keeps the bytes, checks each row,
builds every mart, gates and publishes.
"""

from __future__ import annotations

import csv
import importlib.util
import math
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import duckdb
import psutil

from tests.benchmarks.bulk import FLOOR
from tests.benchmarks.container import Outcome, run_within
from tests.benchmarks.loading import TARDIS
from tests.benchmarks.made_hours import write_frames
from tests.benchmarks.memory import CONTAINER, commands
from tests.benchmarks.report import Report
from tests.private_postgres import ADMIN, NotInstalledError, private_postgres
from unwind.settings import Home

FRAMES, MANY_FRAMES = 200_000, 2_000_000
# A folder whose node_modules has tardis-dev (`npm install tardis-dev`).
TARDIS_FOLDER = "UNWIND_TARDIS_NODE"

# Dollars and events of an hour, instrument and side.
Sums = Mapping[tuple[str, str, str], tuple[float, int]]

OF_FLOOR = """
select strftime(hour_at, '%Y-%m-%d %H:%M:%S'), instrument, liquidated_side, notional_usd::double,
    events
from hours
"""
OF_RELEASE = """
select strftime(hour_at, '%Y-%m-%d %H:%M:%S'), base_asset || 'USDT', side, usd::double, events
from (
    select hour_at, base_asset, 'long' as side, long_usd as usd, long_events as events
    from marts.liquidations_hourly
    union all
    select hour_at, base_asset, 'short', short_usd, short_events
    from marts.liquidations_hourly
)
where events > 0
"""


def loaders(report: Report, folder: Path) -> None:
    """Notes rows a second and peak memory of each, within 2 GiB and, if that fails, without.

    Raises RuntimeError where one finds other sums than DuckDB.
    """
    for frames in (FRAMES, MANY_FRAMES):
        place = folder / str(frames)
        place.mkdir()
        file = place / "frames.ndjson"
        write_frames(file, frames)
        report.note("input", frames=frames, megabytes=file.stat().st_size / 1e6)
        floor = place / "floor.duckdb"
        _run(report, "DuckDB", [sys.executable, "-c", FLOOR, str(file), str(floor)], frames)
        with duckdb.connect(str(floor), read_only=True) as connection:
            expected = _by_key(connection.execute(OF_FLOOR).fetchall())
        for name, package in (("pandas", "pandas"), ("Polars", "polars")):
            if importlib.util.find_spec(package):
                _load(report, name, _python(package, file), file, frames, expected)
            else:
                report.note(name, left_out=f"not installed; `pip install {package}` installs it")
        _load_with_tardis(report, file, frames, expected)
        if frames == FRAMES:
            _load_into_postgres(report, file, frames, expected)
        _publish(report, Home(place / "home"), file, frames, expected)
        shutil.rmtree(place)


def differences(expected: Sums, found: Sums, with_dollars: bool = True) -> list[str]:
    """Where sums differ: in events, or in dollars by more than a cent and a billionth."""
    return [
        f"{' '.join(key)}: {found.get(key)} instead of {expected.get(key)}"
        for key in sorted(expected.keys() | found.keys())
        if not _agree(expected.get(key), found.get(key), with_dollars)
    ]


def _agree(
    one: tuple[float, int] | None, other: tuple[float, int] | None, with_dollars: bool
) -> bool:
    if one is None or other is None or one[1] != other[1]:
        return False
    return not with_dollars or math.isclose(one[0], other[0], rel_tol=1e-9, abs_tol=0.01)


def _python(loader: str, file: Path) -> list[str]:
    hours = str(file.with_suffix(".csv"))
    return [sys.executable, "-m", "tests.benchmarks.loading", loader, str(file), hours]


def _load_with_tardis(report: Report, file: Path, frames: int, expected: Sums) -> None:
    name = "tardis-dev, no key"
    installed, node = os.environ.get(TARDIS_FOLDER), shutil.which("node")
    if installed and node:
        argv = [node, "-e", TARDIS, installed, str(file), str(file.with_suffix(".csv"))]
        _load(report, name, argv, file, frames, expected, with_dollars=False)
    else:
        install = f"`npm install tardis-dev` in a folder that {TARDIS_FOLDER} names installs it"
        report.note(name, left_out=f"not installed; {install}")


def _load_into_postgres(report: Report, file: Path, frames: int, expected: Sums) -> None:
    name = "PostgreSQL, an insert a row"
    try:
        with private_postgres() as (socket, _):
            words = {"PGHOST": str(socket), "PGUSER": ADMIN, "PGPASSWORD": ADMIN}
            words["PGDATABASE"] = "postgres"
            argv = _python("postgres", file)
            _load(report, name, argv, file, frames, expected, environment=words)
    except NotInstalledError as error:
        report.note(name, left_out=str(error))


def _publish(report: Report, home: Home, file: Path, frames: int, expected: Sums) -> None:
    words = {"UNWIND_HOME": str(home.root)}
    seconds = sum(
        _run(report, f"Unwind's {step}", argv, frames, words).seconds
        for step, argv in commands(file).items()
    )
    with duckdb.connect(str(home.current / "warehouse.duckdb"), read_only=True) as release:
        found = _by_key(release.execute(OF_RELEASE).fetchall())
    _refuse("Unwind", differences(expected, found))
    report.note("Unwind", rows_per_second=frames / seconds, seconds=seconds)


def _load(
    report: Report,
    name: str,
    argv: list[str],
    file: Path,
    frames: int,
    expected: Sums,
    with_dollars: bool = True,
    environment: Mapping[str, str] | None = None,
) -> None:
    if _run(report, name, argv, frames, environment).returncode:
        return
    with file.with_suffix(".csv").open(newline="") as rows:
        found = _by_key(list(csv.reader(rows)))
    _refuse(name, differences(expected, found, with_dollars))


def _run(
    report: Report,
    name: str,
    argv: list[str],
    frames: int,
    environment: Mapping[str, str] | None = None,
) -> Outcome:
    """Runs one within 2 GiB, and again with all memory where it is killed; notes both."""
    for limit in (CONTAINER, psutil.virtual_memory().total):
        outcome = run_within(limit, argv, {**os.environ, **(environment or {})})
        speed = 0.0 if outcome.returncode else frames / outcome.seconds
        report.note(name, rows_per_second=speed, limit_mib=limit / 2**20, **outcome.figures)
        if not outcome.returncode or not outcome.was_limited:
            break
    return outcome


def _by_key(rows: list) -> dict[tuple[str, str, str], tuple[float, int]]:
    return {
        (hour, instrument, side): (float(usd), int(events))
        for hour, instrument, side, usd, events in rows
    }


def _refuse(name: str, differing: list[str]) -> None:
    if differing:
        raise RuntimeError(f"{name}: {len(differing)} sums differ, such as {differing[0]}")
