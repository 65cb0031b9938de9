"""Lands every venue's last hour and seals it as one batch; again when the venues have settled."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import CronPartitionTimetable, Param, TriggerRule, dag, task
from airflow.sdk.bases.sensor import PokeReturnValue
from airflow.sdk.exceptions import AirflowFailException

from unwind_assets import SEALED_BATCHES

HOUR_KEY = "%Y-%m-%dT%H"
# A landing ends by itself within 45 minutes (unwind.http.HOUR_BOUNDS), and what it has by
# then is on record. Past this, its process hangs.
LANDING_TIMEOUT = timedelta(hours=1)


def hour_to_land(dag_run, params) -> str:
    """The run's partition; by hand without one, `hour` or else the last hour that has ended."""
    ended = dag_run.run_after - timedelta(hours=1)
    return dag_run.partition_key or params["hour"] or ended.strftime(HOUR_KEY)


def batch_to_land(dag_run, params):
    """The hour's batch; an hour that is not over, or cannot be, fails the task without retries."""
    from unwind.clock import utc_now
    from unwind.landing.land import batch_of, check_landable

    try:
        return check_landable(batch_of(f"hour-{hour_to_land(dag_run, params)}"), utc_now())
    except ValueError as refused:
        raise AirflowFailException(str(refused)) from None


@dag(
    description="Raw bytes of every venue for one UTC hour, sealed as one batch",
    # The run at 15:00 lands the hour of 14:00, which is its partition key.
    schedule=CronPartitionTimetable(
        "0 * * * *", timezone="UTC", run_offset=-1, key_format=HOUR_KEY
    ),
    catchup=False,
    max_active_runs=4,
    params={"hour": Param(None, type=["null", "string"], pattern=r"^\d{4}-\d\d-\d\dT\d\d$")},
    default_args={
        "owner": "unwind",
        "retries": 2,
        "retry_delay": timedelta(seconds=30),
        "execution_timeout": timedelta(minutes=15),
    },
    tags=["landing", "hourly"],
)
def land_hour():
    """### One UTC hour of all venues, landed and sealed

    One mapped `land` task a venue fetches raw bytes; `seal` closes the hour's batch whatever their
    outcome, and announces it. What a venue was asked for before it could be complete is `partial`:
    `await_settling` waits without a worker until the venues' settling times are over, and
    `land_settled` and `seal_settled` ask for that again. A venue that is down, throttled or
    geo-blocked is an outcome: its task is green, its log says what happened,
    `marts.landing_outcomes` and `marts.venue_coverage_hourly` show it. A red `land` task means that
    code broke; the hour is sealed without that venue.

    Another hour: `airflow dags trigger land_hour --conf '{"hour": "2026-01-29T14"}'`; many:
    `airflow backfill create --dag-id land_hour --from-date 2026-01-29T00:00 --to-date ...`.
    An hour that is not over is refused: the tasks fail and say so. Landing an hour again seals its
    next revision, or nothing when nothing changed.
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
        outlet_events[SEALED_BATCHES].add_partitions(hour_to_land(dag_run, params))

    # Between polls it holds no slot, and it survives a restart of Airflow.
    @task.sensor(mode="reschedule", poke_interval=15, timeout=3600)
    def await_settling(*, dag_run=None, params=None) -> PokeReturnValue:
        from unwind.clock import utc_now
        from unwind.landing.land import all_settled_at, unsettled_venues
        from unwind.settings import Home

        batch = batch_to_land(dag_run, params)
        unsettled = unsettled_venues(Home.from_env(), batch)
        is_done = not unsettled or utc_now() >= all_settled_at(batch)
        return PokeReturnValue(is_done=is_done, xcom_value=unsettled)

    @task(trigger_rule=TriggerRule.ONE_FAILED, retries=0)
    def report_broken_code() -> None:
        # `seal` runs in any case, and a run whose last task is green would be green.
        raise RuntimeError("a task of this run broke; see its log, the other venues are sealed")

    landed = land.expand(venue=list_venues())
    settled = await_settling()
    landed_settled = land.override(task_id="land_settled").expand(venue=settled)
    landed >> seal() >> settled
    landed_settled >> seal.override(task_id="seal_settled")()
    [landed, landed_settled] >> report_broken_code()


land_hour()
