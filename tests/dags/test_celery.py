"""`make celery-test`: workers of Celery are killed in a refresh."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.benchmarks.airflow import Api
from tests.benchmarks.made_hours import land_hour
from tests.dags.celery_cluster import airflow_with_celery
from tests.warehouse.compared import different
from tests.warehouse.corrected_hours import landed
from tests.warehouse.hand_made import at, seal
from tests.warehouse.simulated_hour import land_simulated

from unwind.clock import iso
from unwind.settings import Home
from unwind.warehouse.refresh import refresh
from unwind.warehouse.units import Unit

pytestmark = pytest.mark.long

NOW = at(16)
SETTINGS = {
    "UNWIND_NOW": iso(NOW),
    "UNWIND_MEMORY_LIMIT": "2GB",
    # By default a lost task is found after five minutes.
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
}
RUNS = "dags/refresh_warehouse/dagRuns"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A release of two hours, and four more that are landed."""
    home = Home(tmp_path / "home")
    for hour in (9, 10):
        landed(home, hour)
        seal(home, hour)
    refresh(home, clock=lambda: at(11, 1))
    landed(home, 11)
    seal(home, 11)
    for hour in (12, 13):
        land_hour(home, at(hour), 2_000)
    land_simulated(home, 14)
    return home


def tasks(api: Api) -> list[dict[str, Any]]:
    return api.call("get", f"{RUNS}/~/taskInstances?limit=100")["task_instances"]


def half_built_unit(api: Api, home: Home, started: set[int]) -> tuple[int, Path] | None:
    """The unit that a worker's processes build, by its task's index, and the folder to be.

    None until some of its rows are written.
    """
    for task in tasks(api):
        if task["task_id"] == "build_unit" and task["pid"] in started:
            [plan] = home.warehouse_dir.glob("units/*/plan.json")
            unit = Unit(**json.loads(plan.read_text())["units"][task["map_index"]])
            if any(plan.parent.glob(f".{unit.name}.*.part/rows/*.parquet")):
                return task["map_index"], plan.parent / unit.name
    return None


def runs(api: Api, task_id: str, started: set[int]) -> bool:
    """Whether the task is among a worker's processes."""
    return any(one["task_id"] == task_id and one["pid"] in started for one in tasks(api))


def test_killed_workers_cost_a_refresh_nothing_but_time(home: Home, tmp_path: Path) -> None:
    expected = Home(tmp_path / "expected")
    shutil.copytree(home.root, expected.root, symlinks=True)
    before = home.current.readlink()

    with airflow_with_celery(home, tmp_path, SETTINGS) as (cluster, api):
        # Either takes one of the two units.
        cluster.start_worker("first", "default,units")
        cluster.start_worker("second", "units")
        api.call("patch", "dags/refresh_warehouse", {"is_paused": False})
        api.announce()

        lost, folder = cluster.until(
            lambda: half_built_unit(api, home, cluster.started_by("second")), "half a unit"
        )
        cluster.kill("second")
        assert not folder.exists()
        # Then the writer in two of its tasks, whose lock and files the next one finds.
        half_written = home.warehouse_db.with_suffix(".duckdb.wal")
        cluster.until(
            lambda: runs(api, "build", cluster.started_by("first")) and half_written.exists(),
            "half a build",
        )
        cluster.kill("first")
        cluster.start_worker("third", "default,units")
        cluster.until(lambda: runs(api, "gate_marts", cluster.started_by("third")), "the gate")
        cluster.kill("third")
        cluster.start_worker("fourth", "default,units")
        assert home.current.readlink() == before

        def ended() -> Mapping[str, Any] | None:
            current = home.current.readlink()
            states = {task["task_id"]: task["state"] for task in tasks(api)}
            assert current == before or states["publish"] in ("running", "success")
            [run] = api.call("get", RUNS)["dag_runs"]
            return run if run["state"] in ("success", "failed") else None

        run = cluster.until(ended, "the run's end")
        tries = {(one["task_id"], one["map_index"]): one["try_number"] for one in tasks(api)}
        found = api.call("get", "eventLogs?event=heartbeat%20timeout")
    assert run["state"] == "success"
    assert {task for task, number in tries.items() if number > 1} == {
        ("build_unit", lost),
        ("build", -1),
        ("gate_marts", -1),
    }
    assert found["total_entries"] == 3
    assert home.current.readlink() != before
    assert not (home.warehouse_dir / "units").exists()
    refresh(expected, clock=lambda: NOW)
    compared, differing = different(expected, home)
    assert differing == {}
    assert compared > 200
