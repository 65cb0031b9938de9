"""Builds whatever is sealed and not yet built, gates it twice, and publishes a release."""

from __future__ import annotations

import os
from datetime import timedelta

from airflow.sdk import FixedKeyMapper, PartitionedAssetTimetable, dag, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from unwind_assets import MARTS, SEALED_BATCHES, WRITER_POOL

# Where one process builds everything, the DAG has no tasks for units, which would cost it seconds.
HAS_UNITS = os.environ.get("UNWIND_WORKERS", "").strip() not in {"", "1"}


@dag(
    description="Everything sealed and not yet built: staged, gated, built, gated, published",
    # All keys map onto one: a run takes every batch there is, so queued events become one run.
    schedule=PartitionedAssetTimetable(
        assets=SEALED_BATCHES, default_partition_mapper=FixedKeyMapper("ledger")
    ),
    catchup=False,
    max_active_runs=1,
    default_args={
        "owner": "unwind",
        "pool": WRITER_POOL,
        "retries": 1,
        "retry_delay": timedelta(seconds=30),
        # Years of history are one build; an hour's takes seconds.
        "execution_timeout": timedelta(hours=24),
    },
    tags=["warehouse", "release"],
)
def refresh_warehouse():
    """### Stage, gate, build, gate, publish: everything sealed and not yet built

    The ledger is the work list; with nothing to do the run skips the rest and is green. A failed
    marts gate is red and says why: readers stay on the last release, the hours stay in the work
    list, and the next run judges them again. The tasks need the one-slot pool `warehouse_writer`
    (`airflow pools set warehouse_writer 1 "the warehouse's one writer"`); without it they wait.

    With `UNWIND_WORKERS` above 1, `plan_units` divides the facts of a large build into ranges of
    hours, one mapped `build_unit` each builds them, on any worker that has the home's files, and
    `build` takes their rows. A task whose worker is lost runs again, on any other.
    """

    @task.short_circuit
    def stage() -> bool:
        from unwind.settings import Home
        from unwind.warehouse import refresh

        return refresh.stage(Home.from_env())

    @task
    def gate_landed() -> None:
        from unwind.settings import Home
        from unwind.warehouse import refresh

        refresh.gate_landed(Home.from_env())

    @task
    def plan_units() -> list[dict]:
        from unwind.settings import Home
        from unwind.warehouse import refresh

        return refresh.plan_units(Home.from_env())

    # It writes nothing but its own folder.
    @task(
        pool="default_pool",
        # Workers of CeleryExecutor on other machines may take these alone.
        queue="units",
        retries=2,
        map_index_template="from {{ task.op_kwargs['unit']['first_hour'] }}",
    )
    def build_unit(unit: dict) -> None:
        from unwind.settings import Home
        from unwind.warehouse import refresh

        refresh.run_unit(Home.from_env(), unit)

    # A build that is too small to divide has no units, and their tasks are skipped.
    @task(trigger_rule="none_failed" if HAS_UNITS else "all_success")
    def build() -> None:
        from unwind.settings import Home
        from unwind.warehouse import refresh

        refresh.build(Home.from_env())

    @task
    def gate_marts() -> None:
        from unwind.settings import Home
        from unwind.warehouse import refresh

        try:
            refresh.gate_marts(Home.from_env())
        except refresh.GateRefusedError as refused:
            # Judging the same tables again gives the same verdict; a lost worker gave none.
            raise AirflowFailException(str(refused)) from refused

    @task(outlets=[MARTS])
    def publish(*, outlet_events=None) -> None:
        from unwind.settings import Home
        from unwind.warehouse import refresh

        release_id = refresh.publish(Home.from_env())
        if release_id is None:
            raise AirflowSkipException("nothing was left to publish: another refresh has done it")
        outlet_events[MARTS].add_partitions(release_id)

    # After readers have the release: pages for people, nothing waits for them.
    @task(retries=0)
    def document_gates() -> None:
        from unwind.settings import Home
        from unwind.warehouse import dbt_docs, gates

        home = Home.from_env()
        gates.build_docs(home)
        dbt_docs.write_dbt_docs(home)

    # Also after a refused build: the page of the former release then says so. It only reads, and
    # holds up no writer.
    @task(retries=0, pool="default_pool", trigger_rule="all_done")
    def write_page() -> None:
        import logging

        from unwind.page.writing import page_after_release
        from unwind.settings import Home

        problem = page_after_release(Home.from_env())
        if problem:
            logging.getLogger(__name__).warning("%s", problem)

    published = publish()
    landed, built = gate_landed(), build()
    stage() >> landed
    if HAS_UNITS:
        planned = plan_units()
        landed >> planned
        build_unit.expand(unit=planned) >> built
    else:
        landed >> built
    built >> gate_marts() >> published
    published >> [document_gates(), write_page()]


@dag(
    description="Wakes refresh_warehouse once an hour, whether or not a batch was announced",
    schedule="30 * * * *",
    catchup=False,
    max_active_runs=1,
    default_args={
        "owner": "unwind",
        "retries": 2,
        "retry_delay": timedelta(seconds=30),
        "execution_timeout": timedelta(minutes=15),
    },
    tags=["warehouse", "hourly"],
)
def sweep_ledger():
    """### Wakes `refresh_warehouse` once an hour, whether or not something was announced

    For what no event announces: a batch that the command line sealed, an event that was lost, hours
    that failed their gate and are to be judged again. Airflow has no 'partitioned asset or cron'
    schedule, hence a DAG of its own.
    """

    @task(outlets=[SEALED_BATCHES])
    def sweep(*, outlet_events=None) -> None:
        outlet_events[SEALED_BATCHES].add_partitions("sweep")

    sweep()


refresh_warehouse()
sweep_ledger()
