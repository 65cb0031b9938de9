"""Lands one UTC day of the venues' downloadable dumps and seals it as one batch."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import CronPartitionTimetable, Param, TriggerRule, dag, task
from airflow.sdk.exceptions import AirflowFailException

from unwind_assets import SEALED_BATCHES

DAY_KEY = "%Y-%m-%d"
# A landing ends by itself within five hours (unwind.http.DAY_BOUNDS).
LANDING_TIMEOUT = timedelta(hours=6)
# Venues publish a day's dumps in the course of the next day.
DAYS_UNTIL_PUBLISHED = 2


def day_to_land(dag_run, params) -> str:
    """The run's partition; by hand without one, `day` or else the last day surely published."""
    published = dag_run.run_after - timedelta(days=DAYS_UNTIL_PUBLISHED)
    return dag_run.partition_key or params["day"] or published.strftime(DAY_KEY)


def batch_to_land(dag_run, params):
    """The day's batch; a day that is not over, or cannot be, fails the task without retries."""
    from unwind.clock import utc_now
    from unwind.landing.land import batch_of, check_landable

    try:
        return check_landable(batch_of(f"day-{day_to_land(dag_run, params)}"), utc_now())
    except ValueError as refused:
        raise AirflowFailException(str(refused)) from None


@dag(
    description="Daily dumps and long histories of one UTC day, sealed as one batch",
    schedule=CronPartitionTimetable(
        "0 0 * * *", timezone="UTC", run_offset=-DAYS_UNTIL_PUBLISHED, key_format=DAY_KEY
    ),
    catchup=False,
    max_active_runs=2,
    params={"day": Param(None, type=["null", "string"], pattern=r"^\d{4}-\d\d-\d\d$")},
    default_args={
        "owner": "unwind",
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
        "execution_timeout": timedelta(minutes=15),
    },
    tags=["landing", "daily"],
)
def backfill_dumps():
    """### One UTC day of downloadable dumps and long histories, landed and sealed

    Years of history: `airflow backfill create --dag-id backfill_dumps --from-date 2025-01-01
    --to-date 2025-12-31` (both days included; `--dry-run` lists them). Scheduled runs keep up with
    the dumps as they are published. A day that is not over is refused: the tasks fail and say so.
    What a venue's task colour means is as in `land_hour`.
    """

    @task
    def list_venues(*, dag_run=None, params=None) -> list[str]:
        from unwind.landing.land import venues

        if dag_run:
            batch_to_land(dag_run, params)
        return sorted(name for name, venue in venues().items() if not venue.missing_keys)

    @task(map_index_template="{{ task.op_kwargs['venue'] }}", execution_timeout=LANDING_TIMEOUT)
    def land(venue: str, *, dag_run=None, params=None) -> None:
        from unwind.clock import utc_now
        from unwind.landing.land import land_venue
        from unwind.settings import Home

        land_venue(Home.from_env(), batch_to_land(dag_run, params), venue, utc_now)

    @task(trigger_rule=TriggerRule.ALL_DONE, outlets=[SEALED_BATCHES])
    def seal(*, dag_run=None, params=None, outlet_events=None) -> None:
        from unwind.clock import utc_now
        from unwind.landing.land import seal_batch, venues
        from unwind.settings import Home

        batch = batch_to_land(dag_run, params)
        seal_batch(Home.from_env(), batch, utc_now, expected=venues())
        outlet_events[SEALED_BATCHES].add_partitions(day_to_land(dag_run, params))

    @task(trigger_rule=TriggerRule.ONE_FAILED, retries=0)
    def report_broken_code() -> None:
        raise RuntimeError("a task of this run broke; see its log, the other venues are sealed")

    landed = land.expand(venue=list_venues())
    landed >> [seal(), report_broken_code()]


backfill_dumps()
