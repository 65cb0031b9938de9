"""What builds on Spark is killed: readers keep their release, and what is built is right.

`make spark-test`; a few marts of three hours.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.chaos.conftest import contents, copied
from tests.spark.cluster import cluster
from tests.spark.comparing import differences
from tests.spark.refreshing import BUILDING, clock, refreshed
from tests.spark.test_build import FOR_FEW_ROWS
from tests.warehouse.hand_made import at, bybit, land, seal
from unwind.landing.ledger import Ledger
from unwind.settings import PROJECT_ROOT, Home

pytestmark = pytest.mark.long

KILLED_AFTER_MODELS = 4
ENDS_WITHIN_SECONDS = 60


@pytest.fixture(scope="module")
def pending(two_hours: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Two hours, published; a third that came since, and one that was emptied."""
    home = copied(two_hours, tmp_path_factory.mktemp("kills") / "pending")
    land(home, 12, "bybit", [bybit("ETHUSDT", "Sell", "10", "2900", at(12, 59, 59, 999))])
    seal(home, 12)
    Ledger(home).withdraw("hour-2026-01-29T10", "bybit", "a test", clock())
    return home


@pytest.fixture(scope="module")
def on_duckdb(pending: Home) -> Home:
    home = copied(pending, pending.root.with_name("on_duckdb"))
    refreshed(home, None)
    return home


def begun(home: Home, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.spark.refreshing", str(home.root)],
        cwd=PROJECT_ROOT,
        env={**os.environ, **FOR_FEW_ROWS, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def processes_once_it_builds(refresh: subprocess.Popen[str]) -> dict[str, psutil.Process]:
    """The refresh, its process of Spark's Python and the JVM, with some models built."""
    assert refresh.stdout
    for line in refresh.stdout:
        phase, _, done = line.partition(": ")
        if phase == BUILDING and int(done) >= KILLED_AFTER_MODELS:
            break
    else:
        pytest.fail(f"nothing was built: {refresh.communicate()[1]}")
    whole = psutil.Process(refresh.pid)
    [worker] = [one for one in whole.children() if "unwind.spark.worker" in one.cmdline()]
    [jvm] = [one for one in worker.children(recursive=True) if one.name() == "java"]
    return {"refresh": whole, "worker": worker, "jvm": jvm}


def test_a_killed_build_changes_nothing_and_the_next_one_is_right(
    pending: Home, on_duckdb: Home, tmp_path: Path
) -> None:
    spark = copied(pending, tmp_path / "spark")
    before = contents(spark)
    assert contents(on_duckdb) != before
    for victim in ("jvm", "worker", "refresh"):
        refresh = begun(spark)
        processes = processes_once_it_builds(refresh)
        processes[victim].send_signal(signal.SIGKILL)
        _, errors = refresh.communicate()
        if victim == "refresh":
            assert refresh.returncode == -signal.SIGKILL
        else:
            assert refresh.returncode == 1, (victim, errors)
            assert "on Spark" in errors.splitlines()[-2] + errors.splitlines()[-1], errors
        # Nothing of Spark outlives the refresh.
        _, alive = psutil.wait_procs(
            [one for name, one in processes.items() if name != "refresh"], ENDS_WITHIN_SECONDS
        )
        assert alive == [], victim
        assert contents(spark) == before, victim
    refresh = begun(spark)
    _, errors = refresh.communicate()
    assert refresh.returncode == 0, errors
    assert differences(on_duckdb, spark) == {}
    assert contents(spark) == contents(on_duckdb)


def test_a_build_on_a_cluster_survives_the_death_of_a_worker(
    pending: Home, on_duckdb: Home, tmp_path: Path
) -> None:
    spark = copied(pending, tmp_path / "spark")
    # Two parts, so that both executors work.
    options = FOR_FEW_ROWS["UNWIND_SPARK_OPTIONS"].replace("partitions=1", "partitions=2")
    with cluster(tmp_path, workers=2) as two:
        refresh = begun(spark, UNWIND_SPARK_MASTER=two.master, UNWIND_SPARK_OPTIONS=options)
        processes_once_it_builds(refresh)
        two.kill_a_worker()
        _, errors = refresh.communicate()
    assert refresh.returncode == 0, errors
    assert differences(on_duckdb, spark) == {}
