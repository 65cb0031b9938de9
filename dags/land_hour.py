"""Lands every venue's last hour and seals it as one batch."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import CronPartitionTimetable, Param, TriggerRule, dag, task

from unwind_assets import SEALED_BATCHES

HOUR_KEY = "%Y-%m-%dT%H"


def hour_to_land(dag_run, params) -> str:
    """The run's partition; by hand without one, `hour` or else the hour that ended last."""
    ended = dag_run.run_after - timedelta(hours=1)
    return dag_run.partition_key or params["hour"] or ended.strftime(HOUR_KEY)


@dag(
    # The run at 15:00 lands the hour of 14:00, which is its partition key.
    schedule=CronPartitionTimetable(
        "0 * * * *", timezone="UTC", run_offset=-1, key_format=HOUR_KEY
    ),
    catchup=False,
    max_active_runs=4,
    params={"hour": Param(None, type=["null", "string"], pattern=r"^\d{4}-\d\d-\d\dT\d\d$")},
    default_args={"retries": 2, "retry_delay": timedelta(seconds=30)},
    tags=["landing"],
)
def land_hour():
    """### One UTC hour of all venues, landed and sealed

    One mapped `land` task a venue fetches raw bytes; `seal` closes the hour's batch whatever came
    of them, and announces it. A venue that is down, throttled or geo-blocked is an outcome: its
    task is green, its log says what happened, `marts.landing_outcomes` and the coverage mart show
    it. A red `land` task means that code broke; the hour is sealed without that venue.

    Another hour: `airflow dags trigger land_hour --conf '{"hour": "2026-01-29T14"}'`; many:
    `airflow backfill create --dag-id land_hour --from-date 2026-01-29T00:00 --to-date ...`.
    Landing an hour again seals its next revision, or nothing when nothing changed.
    """

    @task
    def list_venues() -> list[str]:
        from unwind.landing.land import venues

        return sorted(name for name, venue in venues().items() if not venue.missing_keys)

    @task(map_index_template="{{ task.op_kwargs['venue'] }}")
    def land(venue: str, *, dag_run=None, params=None) -> None:
        from unwind.clock import utc_now
        from unwind.landing.land import batch_of, land_venue
        from unwind.settings import Home

        batch = batch_of(f"hour-{hour_to_land(dag_run, params)}")
        land_venue(Home.from_env(), batch, venue, utc_now)

    @task(trigger_rule=TriggerRule.ALL_DONE, outlets=[SEALED_BATCHES])
    def seal(*, dag_run=None, params=None, outlet_events=None) -> None:
        from unwind.clock import utc_now
        from unwind.landing.land import batch_of, seal_batch, venues
        from unwind.settings import Home

        hour = hour_to_land(dag_run, params)
        seal_batch(Home.from_env(), batch_of(f"hour-{hour}"), utc_now, expected=venues())
        outlet_events[SEALED_BATCHES].add_partitions(hour)

    @task(trigger_rule=TriggerRule.ONE_FAILED, retries=0)
    def report_broken_code() -> None:
        # `seal` runs in any case, and a run whose last task is green would be green.
        raise RuntimeError("a task of this run broke; see its log, the other venues are sealed")

    landed = land.expand(venue=list_venues())
    landed >> [seal(), report_broken_code()]


land_hour()
