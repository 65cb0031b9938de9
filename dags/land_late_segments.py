"""Lands recorder segments that were closed after their hour was sealed."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowSkipException

from unwind_assets import CLOSED_SEGMENTS, SEALED_BATCHES


@dag(
    description="Recorder segments that were closed after their hour was sealed",
    schedule=[CLOSED_SEGMENTS],
    catchup=False,
    max_active_runs=1,
    default_args={
        "owner": "unwind",
        "retries": 2,
        "retry_delay": timedelta(seconds=30),
        "execution_timeout": timedelta(hours=1),
    },
    tags=["landing", "recorder"],
)
def land_late_segments():
    """### Recorder segments of hours that were sealed without them, landed and sealed again

    `land_hour` takes a segment that is closed when its hour ends. One that is closed later (the
    recorder was down at the hour's end, or the disk was full) is found here: the recorder's folder
    against the ledger, for the last seven days. The event that wakes this DAG is only an alarm;
    with nothing late the run skips, which is the usual case.
    """

    @task(outlets=[SEALED_BATCHES])
    def land(*, outlet_events=None) -> None:
        from unwind.clock import utc_now
        from unwind.landing.land import land_late_segments
        from unwind.settings import Home

        seals = land_late_segments(Home.from_env(), utc_now)
        if not seals:
            raise AirflowSkipException("every closed segment of a sealed hour is in its batch")
        keys = [seal.batch.batch_id.removeprefix("hour-") for seal in seals]
        outlet_events[SEALED_BATCHES].add_partitions(keys)

    land()


land_late_segments()
