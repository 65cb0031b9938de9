"""The DAG files: schedules, task order, pools and dependencies."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

from unwind.http import DAY_BOUNDS, HOUR_BOUNDS
from unwind.standalone import ENVIRONMENTS

DAGS = Path(__file__).resolve().parents[2] / "dags"


def core_timetable(dag):
    from airflow.serialization.encoders import coerce_to_core_timetable

    return coerce_to_core_timetable(dag.timetable)


def first_run_from(dag, instant: datetime):
    """The run of the first tick at or after an instant."""
    import pendulum
    from airflow.timetables.base import TimeRestriction

    return core_timetable(dag).next_dagrun_info_v2(
        last_dagrun_info=None,
        restriction=TimeRestriction(earliest=pendulum.instance(instant), latest=None, catchup=True),
    )


def run_by_hand(run_after: datetime, partition_key: str | None = None):
    return SimpleNamespace(run_after=run_after, partition_key=partition_key)


def test_the_folder_holds_the_dags(dags):
    assert dags.keys() >= {
        "land_hour",
        "land_late_segments",
        "backfill_dumps",
        "copy_release",
        "refresh_warehouse",
        "sweep_ledger",
        "sweep_watch",
        "watch_stress",
    }


def test_every_dag_explains_itself(dags):
    """Airflow's list shows the description; the DAG's page shows doc_md."""
    described = {
        dag_id: bool(dag.doc_md and dag.description and dag.tags) and dag.owner == "unwind"
        for dag_id, dag in dags.items()
    }
    assert set(described.values()) == {True}, described


def test_every_task_ends_in_time(dags):
    unbounded = [
        f"{dag_id}.{task.task_id}"
        for dag_id, dag in dags.items()
        for task in dag.tasks
        if not (task.execution_timeout or task.partial_kwargs.get("execution_timeout"))
    ]
    assert unbounded == []


def test_a_landing_times_out_before_its_task(dags):
    for dag_id, bounds in (("land_hour", HOUR_BOUNDS), ("backfill_dumps", DAY_BOUNDS)):
        allowed = dags[dag_id].get_task("land").execution_timeout.total_seconds()
        # Time for the last request, and to store the response.
        assert allowed >= bounds.venue_seconds + 600
        assert bounds.dataset_seconds < bounds.venue_seconds


def test_the_package_is_not_parsed_for_dags():
    from airflow.utils.file import list_py_file_paths

    parsed = {str(Path(path).relative_to(DAGS)) for path in list_py_file_paths(DAGS)}
    assert "land_hour.py" in parsed
    assert [path for path in parsed if path.startswith(("unwind/", "unwind_"))] == []


def test_reading_a_dag_file_loads_neither_the_package_nor_its_dependencies():
    loaded = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys; sys.path.insert(0, {str(DAGS)!r})\n"
            "import backfill_dumps, land_hour, land_late_segments, refresh_warehouse\n"
            "import copy_release, watch_stress\n"
            "for name in ('unwind', 'great_expectations', 'dbt', 'duckdb'):\n"
            "    print(name, name in sys.modules)",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    assert loaded[-5:-1] == [
        "unwind False",
        "great_expectations False",
        "dbt False",
        "duckdb False",
    ]


def test_the_run_at_fifteen_lands_the_hour_of_fourteen(dags):
    run = first_run_from(dags["land_hour"], datetime(2026, 1, 29, 15, tzinfo=UTC))
    assert run.run_after == datetime(2026, 1, 29, 15, tzinfo=UTC)
    assert run.partition_key == "2026-01-29T14"


def test_the_run_after_new_year_lands_the_last_hour_of_the_old_one(dags):
    run = first_run_from(dags["land_hour"], datetime(2026, 1, 1, 0, tzinfo=UTC))
    assert run.partition_key == "2025-12-31T23"


@pytest.mark.parametrize(
    ("dag_run", "asked", "hour"),
    [
        (run_by_hand(datetime(2026, 1, 29, 15, 0, 3, tzinfo=UTC)), None, "2026-01-29T14"),
        (run_by_hand(datetime(2026, 1, 29, 0, 59, tzinfo=UTC)), None, "2026-01-28T23"),
        (run_by_hand(datetime(2026, 1, 29, 15, tzinfo=UTC)), "2025-10-10T21", "2025-10-10T21"),
        (
            run_by_hand(datetime(2026, 1, 29, 15, tzinfo=UTC), "2026-01-02T03"),
            None,
            "2026-01-02T03",
        ),
    ],
)
def test_a_run_knows_its_hour(dags, dag_run, asked, hour):
    hour_to_land = dags["land_hour"].get_task("seal").python_callable.__globals__["hour_to_land"]
    assert hour_to_land(dag_run, {"hour": asked}) == hour


def test_dumps_are_landed_once_they_are_certainly_published(dags):
    run = first_run_from(dags["backfill_dumps"], datetime(2026, 1, 30, tzinfo=UTC))
    assert run.partition_key == "2026-01-28"


def test_a_backfill_of_dumps_includes_both_ends(dags):
    runs = core_timetable(dags["backfill_dumps"]).iter_partition_dagrun_infos(
        earliest=datetime(2026, 2, 27, tzinfo=UTC), latest=datetime(2026, 3, 1, tzinfo=UTC)
    )
    assert [run.partition_key for run in runs] == ["2026-02-27", "2026-02-28", "2026-03-01"]


@pytest.mark.parametrize("dag_id", ["land_hour", "backfill_dumps"])
def test_a_batch_is_sealed_whatever_the_outcome_of_its_venues(dags, dag_id):
    dag = dags[dag_id]
    assert dag.get_task("seal").upstream_task_ids == {"land"}
    assert dag.get_task("seal").trigger_rule == "all_done"
    assert [asset.name for asset in dag.get_task("seal").outlets] == ["sealed_batches"]


@pytest.mark.parametrize(
    ("dag_id", "watched"),
    [("land_hour", {"land", "land_settled"}), ("backfill_dumps", {"land"})],
)
def test_broken_code_makes_the_run_red_although_the_batch_is_sealed(dags, dag_id, watched):
    report = dags[dag_id].get_task("report_broken_code")
    assert report.upstream_task_ids == watched
    assert (report.trigger_rule, report.retries) == ("one_failed", 0)


@pytest.mark.parametrize("dag_id", ["land_hour", "backfill_dumps"])
def test_venues_land_side_by_side_in_no_special_pool(dags, dag_id):
    land = dags[dag_id].get_task("land")
    assert land.is_mapped
    assert land.pool == "default_pool"


def test_the_warehouse_is_refreshed_in_one_order(dags):
    order = ["stage", "gate_landed", "build", "gate_marts", "publish"]
    dag = dags["refresh_warehouse"]
    last = {"document_gates", "write_page"}
    assert [task.task_id for task in dag.topological_sort()][:5] == order
    for before, after in pairwise(order):
        assert dag.get_task(before).downstream_task_ids == {after}
    assert dag.get_task("publish").downstream_task_ids == last
    assert {task.task_id for task in dag.tasks} == {*order, *last}


def test_with_more_workers_units_are_built_between_the_gate_and_the_build(divided):
    order = ["stage", "gate_landed", "plan_units", "build_unit", "build", "gate_marts", "publish"]
    assert [task.task_id for task in divided.topological_sort()][:7] == order
    for before, after in pairwise(order):
        assert divided.get_task(before).downstream_task_ids == {after}
    unit = divided.get_task("build_unit")
    assert unit.is_mapped
    # Any worker may build one, while the writer's one slot is free.
    assert unit.partial_kwargs["pool"] == "default_pool"
    assert unit.partial_kwargs["retries"] == 2
    for task_id in ("plan_units", "build"):
        assert divided.get_task(task_id).pool == "warehouse_writer"
    # A small build has no units, and is built all the same.
    assert divided.get_task("build").trigger_rule == "none_failed"


def test_a_refused_build_is_noted_on_the_page_and_stays_red(dags):
    dag = dags["refresh_warehouse"]
    # The page is written after a failed gate too; the other leaf makes the run red.
    assert dag.get_task("write_page").trigger_rule == "all_done"
    assert dag.get_task("document_gates").trigger_rule == "all_success"


def test_one_writer_at_a_time(dags):
    dag = dags["refresh_warehouse"]
    # The page only reads a release.
    writers = [task for task in dag.tasks if task.task_id != "write_page"]
    assert {task.pool for task in writers} == {"warehouse_writer"}
    assert dag.get_task("write_page").pool == "default_pool"
    assert dag.max_active_runs == 1


def test_every_task_that_a_release_needs_survives_a_lost_worker(divided):
    needed = [
        task for task in divided.tasks if task.task_id not in {"document_gates", "write_page"}
    ]
    assert [task.task_id for task in needed if task.retries == 0] == []


def test_all_partition_keys_map_to_one_run(dags):
    """A refresh takes every sealed batch, so a hundred partition keys map to one run."""
    timetable = core_timetable(dags["refresh_warehouse"])
    mapper = timetable.get_partition_mapper(name="sealed_batches", uri="unwind://ledger/batches")
    assert {mapper.to_downstream(key) for key in ("2026-01-29T14", "2026-01-28", "sweep")} == {
        "ledger"
    }


def test_the_hourly_sweep_sends_the_same_event(dags):
    assert [asset.name for asset in dags["sweep_ledger"].get_task("sweep").outlets] == [
        "sealed_batches"
    ]


def test_a_release_wakes_the_watch_and_the_copies_and_nothing_else(dags):
    waiting = [
        dag_id
        for dag_id, dag in dags.items()
        if "marts" in str(getattr(core_timetable(dag), "asset_condition", ""))
    ]
    assert sorted(waiting) == ["copy_release", "watch_stress"]
    for dag_id in waiting:
        mapper = core_timetable(dags[dag_id]).get_partition_mapper(
            name="marts", uri="unwind://releases/current"
        )
        assert mapper.to_downstream("20260129T150211Z-00") == "release"


def test_a_copy_that_is_not_configured_is_skipped(dags, monkeypatch):
    from airflow.sdk.exceptions import AirflowSkipException

    monkeypatch.delenv("AIRFLOW_CONN_MARTS_POSTGRES", raising=False)
    dag = dags["copy_release"]
    assert dag.max_active_runs == 1
    with pytest.raises(AirflowSkipException, match="AIRFLOW_CONN_MARTS_POSTGRES is not set"):
        dag.get_task("to_postgres").python_callable()
    monkeypatch.delenv("UNWIND_STORE", raising=False)
    with pytest.raises(AirflowSkipException, match="UNWIND_STORE is not set"):
        dag.get_task("to_object_storage").python_callable()
    # Neither waits for the other.
    assert all(not task.upstream_task_ids for task in dag.tasks)


def test_the_watch_runs_once_an_hour_too_and_never_twice_at_a_time(dags):
    assert core_timetable(dags["sweep_watch"]).summary == "45 * * * *"
    for dag_id in ("watch_stress", "sweep_watch"):
        assert [task.task_id for task in dags[dag_id].tasks] == ["notify"]
        assert dags[dag_id].max_active_runs == 1


def test_closed_segments_trigger_only_the_landing_of_late_ones(dags):
    waiting = [
        dag_id
        for dag_id, dag in dags.items()
        if "closed_segments" in str(getattr(core_timetable(dag), "asset_condition", ""))
    ]
    assert waiting == ["land_late_segments"]
    assert [one.name for one in dags["land_late_segments"].get_task("land").outlets] == [
        "sealed_batches"
    ]


def test_the_triggerer_imports_the_trigger_by_the_name_that_it_states():
    code = (
        "from airflow._shared.module_loading import import_string\n"
        "from unwind_assets import CLOSED_SEGMENTS\n"
        "(watcher,) = CLOSED_SEGMENTS.watchers\n"
        "name, arguments = watcher.trigger.serialize()\n"
        "assert import_string(name)(**arguments).serialize() == (name, arguments)\n"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **ENVIRONMENTS["triggerer"]},
        check=True,
    )


def test_only_publishing_announces_marts(dags):
    announcing = [
        task.task_id
        for task in dags["refresh_warehouse"].tasks
        if any(asset.name == "marts" for asset in task.outlets)
    ]
    assert announcing == ["publish"]
