"""Copies each release to where it is configured to go: PostgreSQL, object storage."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import FixedKeyMapper, PartitionedAssetTimetable, dag, task
from airflow.sdk.exceptions import AirflowSkipException

from unwind_assets import MARTS


@dag(
    description="Each release in PostgreSQL and in object storage, where they are named",
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
    """### The current release in PostgreSQL and in object storage, after each publish

    Each task is skipped where it has no place to go: the connection `marts_postgres` (docs/bi.md),
    the setting `UNWIND_STORE` (docs/object-storage.md). A red task leaves its readers on the
    release before; a retry, or the next run, takes whatever is current then.
    """

    @task
    def to_postgres() -> None:
        from unwind.outputs import postgres, postgres_connection
        from unwind.progress import no_progress
        from unwind.settings import Home

        if not postgres_connection.is_stated():
            raise AirflowSkipException(f"{postgres_connection.VARIABLE} is not set")
        postgres.copy_release(Home.from_env(), no_progress)

    @task
    def to_object_storage() -> None:
        from unwind.clock import utc_now
        from unwind.outputs import object_store, pushing
        from unwind.progress import no_progress
        from unwind.settings import STORE, Home, settings

        if not settings().store:
            raise AirflowSkipException(f"{STORE} is not set")
        try:
            pushing.push(Home.from_env(), object_store.store(), utc_now, no_progress)
        except pushing.AlreadyPushedError as error:
            # The service that pushes after each release: it has this one next.
            raise AirflowSkipException(str(error)) from None

    to_postgres()
    to_object_storage()


copy_release()
