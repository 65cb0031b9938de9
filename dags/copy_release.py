"""Copies each release to where it is configured to go: PostgreSQL, object storage."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import FixedKeyMapper, PartitionedAssetTimetable, dag, task
from airflow.sdk.exceptions import AirflowSkipException

from unwind_assets import MARTS


@dag(
    description="Each release in PostgreSQL, where a connection names it",
    # All keys map onto one: a run copies the newest release, whatever was published meanwhile.
    schedule=PartitionedAssetTimetable(
        assets=MARTS, default_partition_mapper=FixedKeyMapper("release")
    ),
    catchup=False,
    max_active_runs=1,
    default_args={
        "owner": "unwind",
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
        # The first copy of years of history.
        "execution_timeout": timedelta(hours=12),
    },
    tags=["release"],
)
def copy_release():
    """### The current release in PostgreSQL, after each publish

    Skipped where the connection `marts_postgres` is not set (docs/bi.md). A red run leaves the
    copy's readers on the release before; the next run, or a retry, takes whatever is current then.
    """

    @task
    def to_postgres() -> None:
        from unwind.outputs import postgres, postgres_connection
        from unwind.progress import no_progress
        from unwind.settings import Home

        if not postgres_connection.is_stated():
            raise AirflowSkipException(f"{postgres_connection.VARIABLE} is not set")
        postgres.copy_release(Home.from_env(), no_progress)

    to_postgres()


copy_release()
