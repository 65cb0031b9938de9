"""Three hours of all venues, and then their corrections, built on Spark as on DuckDB.

`make spark-test`: two builds on Spark take twenty minutes on two cores.
"""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

import pytest

from tests.spark.comparing import differences
from unwind.landing.land import day_batch, hour_batch, land_venue, seal_batch
from unwind.landing.ledger import Ledger
from unwind.settings import Home
from unwind.simulator.episode import short_tape
from unwind.simulator.segments import write_segments
from unwind.simulator.server import Simulator
from unwind.spark.build import build_on_spark
from unwind.venues import venues
from unwind.warehouse import refresh

pytestmark = pytest.mark.long

# Of two days, so that a day ends.
HOURS = [datetime(2026, 1, 28, 22, tzinfo=UTC) + timedelta(hours=n) for n in range(3)]
REPORTING = ("coinalyze", "coinglass")
# With few rows, planning and compiling are nearly all of the time.
FOR_FEW_ROWS = {
    "UNWIND_SPARK_MASTER": "local[2]",
    "UNWIND_SPARK_OPTIONS": "spark.sql.shuffle.partitions=1 spark.sql.adaptive.enabled=false"
    " spark.sql.codegen.wholeStage=false spark.sql.codegen.factoryMode=NO_CODEGEN",
    "JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}


def land(home: Home, hour_at: datetime, now: datetime) -> None:
    with (
        Simulator(short_tape(), now=now) as server,
        mock.patch.dict(os.environ, {**server.environment(), "UNWIND_TRACKED_INSTRUMENTS": "2"}),
    ):
        for venue in venues():
            land_venue(home, hour_batch(hour_at), venue, lambda: now)
        for source in REPORTING:
            land_venue(home, day_batch(hour_at), source, lambda: now)
    seal_batch(home, hour_batch(hour_at), lambda: now, venues())


def staged(home: Home, now: datetime) -> None:
    assert refresh.stage(home, lambda: now)
    refresh.gate_landed(home, lambda: now)


@pytest.fixture(scope="module")
def on_both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Home]:
    """The three hours, published from DuckDB and from Spark."""
    folder: Path = tmp_path_factory.mktemp("spark")
    duckdb = Home(folder / "duckdb")
    write_segments(short_tape(), duckdb.recorder, HOURS[0], HOURS[-1] + timedelta(hours=1))
    for hour_at in HOURS:
        now = hour_at + timedelta(hours=1, minutes=1)
        land(duckdb, hour_at, now)
    seal_batch(duckdb, day_batch(HOURS[-1]), lambda: now)
    staged(duckdb, now)
    shutil.copytree(duckdb.root, folder / "spark", symlinks=True)
    spark = Home(folder / "spark")
    refresh.build(duckdb, lambda: now)
    with mock.patch.dict(os.environ, FOR_FEW_ROWS):
        refresh.build(spark, lambda: now, build_marts=build_on_spark)
    return duckdb, spark


def test_every_table_of_a_first_build_is_the_same(on_both: tuple[Home, Home]) -> None:
    assert differences(*on_both) == {}


def test_every_table_is_the_same_after_corrections(on_both: tuple[Home, Home]) -> None:
    """An hour that lands late, before all others; one without a venue; one withdrawn."""
    now = HOURS[-1] + timedelta(hours=2)
    duckdb, spark = on_both
    for home in on_both:
        refresh.gate_marts(home, lambda: now)
        assert refresh.publish(home, lambda: now)
    land(duckdb, HOURS[0] - timedelta(hours=1), now)
    Ledger(duckdb).withdraw(hour_batch(HOURS[0]).batch_id, "binance", "wrong", now)
    Ledger(duckdb).withdraw(hour_batch(HOURS[2]).batch_id, None, "wrong", now)
    # Landed again, the same hour would have other bytes: addresses of requests are among them.
    for part in ("raw", "ledger"):
        shutil.rmtree(spark.root / part)
        shutil.copytree(duckdb.root / part, spark.root / part)
    for home, build_marts in zip(on_both, (None, build_on_spark), strict=True):
        staged(home, now)
        with mock.patch.dict(os.environ, FOR_FEW_ROWS):
            refresh.build(home, lambda: now, build_marts=build_marts)
    assert differences(*on_both) == {}
