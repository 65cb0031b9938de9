"""The stress scorecard and its outcomes, over hand-made upstream tables.

`h` counts hours from FIRST_HOUR, the first hour of a UTC day. Longs of 1,000 dollars are liquidated
in every hour of each asset, and:

hand   5,000 in hour 50, 4,000 in 60, 3,000 in 70 and 246, 2,999 in 248, and episodes at 246 and 252
large  the same, with an open interest of 10 million dollars
gap    the same, and nothing is known of hour 246
noise, other
       everything derived from a hash of the hour
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

import duckdb
import pytest

from unwind.settings import Home
from unwind.warehouse import stress_fits, stress_scores
from unwind.warehouse.dbt import run_dbt
from unwind.warehouse.models import variables
from unwind.warehouse.state import staging_state

FIRST_HOUR = datetime.fromisoformat("2026-01-01")  # naive UTC, as in the warehouse
HOURS = 24 * 45
LATE = 700
MODELS = (
    *("int_stress_outcomes_daily", "int_stress_fit_trail", "int_stress_fits_daily"),
    *("int_stress_score_trail", "int_stress_scores_daily", "stress_scorecard"),
)
OUTCOMES = "staging.intermediate.int_stress_outcomes_daily"
FITS = "staging.intermediate.int_stress_fits_daily"
COMPARED = (OUTCOMES, FITS, "marts.stress_scorecard")
UNTESTED = ("--resource-type=model", "--resource-type=seed")

# {visible} filters the hours.
UPSTREAM = """
create schema if not exists staging.intermediate;
create schema if not exists warehouse.marts;

create or replace temp table grid as
select
    h::integer as h,
    timestamp '2026-01-01' + to_hours(h::integer) as hour_at,
    base_asset,
    base_asset in ('noise', 'other') as is_noise,
    (hash(h * 7 + if(base_asset = 'other', 3, 1)) % 1000)::integer as noise_1,
    (hash(h * 7 + if(base_asset = 'other', 4, 2)) % 1000)::integer as noise_2,
    timestamp '2026-01-01' + to_hours(h::integer) + interval 65 minute as available_at,
from range(1080) as hours(h)
cross join (select unnest(['hand', 'large', 'gap', 'noise', 'other']) as base_asset);

create or replace temp table hourly as
select
    *,
    case
        when base_asset = 'gap' and h = 246 then null
        when is_noise then 1e6 / (1 + noise_1) + 100
        when h = 50 then 5000
        when h = 60 then 4000
        when h in (70, 246) then 3000
        when h = 248 then 2999
        else 1000
    end::decimal(38, 4) as long_1h_usd,
from grid
where {visible};

create or replace table warehouse.marts.liquidation_imbalance_hourly as
select
    hour_at, base_asset, long_1h_usd,
    case
        when count(long_1h_usd) over day = 24 then (sum(long_1h_usd) over day)::decimal(38, 4)
    end as long_24h_usd,
    available_at,
from hourly
window day as (
    partition by base_asset order by hour_at
    range between interval 23 hour preceding and current row
);

create or replace table warehouse.marts.leverage_hourly as
select
    hour_at, base_asset, if(base_asset = 'large', 1e7, null)::decimal(38, 4) as oi_usd,
    available_at,
from grid where {visible};

create or replace table staging.intermediate.int_stress_scores as
select
    hour_at, base_asset, if(is_noise, noise_2 / 10.0, 50)::double as score, available_at,
from grid where {visible};

create or replace table staging.intermediate.int_stress_percentiles as
select
    hour_at, base_asset, component,
    case
        when component = 'mass_below_spot' then null
        when is_noise then (hash(h * 11 + length(component)) % 1000) / 10.0
        else 50
    end::double as percentile,
from grid
cross join (
    select unnest([
        'oi_to_market_cap', 'oi_weighted_funding_8h', 'long_imbalance_24h', 'intensity_24h_bp',
        'realised_volatility_24h', 'mass_below_spot'
    ]) as component
)
where {visible};

create or replace table staging.intermediate.int_liquidation_episodes as
select
    hour_at, base_asset, hour_at + interval 20 minute as started_at,
    hour_at + interval 50 minute as closed_at, false as is_open,
    hour_at + interval 65 minute as available_at,
from grid
where {visible} and (base_asset = 'hand' and h = 246 or is_noise and noise_1 < 20)
union all
select
    hour_at, base_asset, hour_at - interval 150 minute, hour_at + interval 15 minute, false,
    hour_at + interval 65 minute,
from grid
where {visible} and base_asset = 'hand' and h = 255
union all
select max(hour_at), 'hand', timestamp '2026-01-11 08:10', null, true,
    max(hour_at) + interval 65 minute,
from grid where {visible};
"""


def hour(h: int) -> datetime:
    """An hour by its number."""
    return FIRST_HOUR + timedelta(hours=h)


def stored(h: int) -> datetime:
    """Under which hour the outcome of a forecast of hour h stands."""
    return hour(24 * (h // 24 + 4) + 23)


def open_warehouse(home: Home) -> duckdb.DuckDBPyConnection:
    """Both files, read-write, as a build sees them."""
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    connection.execute(f"attach '{home.staging_db}' as staging")
    connection.execute(f"attach '{home.warehouse_db}' as warehouse")
    connection.execute("use warehouse")
    return connection


def land(home: Home, visible: str) -> None:
    """Makes the upstream tables from the hours that `visible` selects."""
    with staging_state(home):
        pass
    with open_warehouse(home) as connection:
        connection.execute(UPSTREAM.replace("{visible}", visible))


def build(home: Home, spine: int, pending: Iterable[int]) -> None:
    """Builds the models of the pending hours on a spine of so many hours."""
    with open_warehouse(home) as connection:
        connection.execute("delete from staging.ops.hours")
        connection.execute("delete from staging.ops.pending_hours")
        connection.executemany(
            "insert into staging.ops.hours (hour_at) values (?)", [[hour(h)] for h in range(spine)]
        )
        connection.executemany(
            "insert into staging.ops.pending_hours (hour_at) values (?)",
            [[hour(h)] for h in pending],
        )
    run_dbt(home, ["build", *UNTESTED, "--select", "stress_weights", *MODELS])


@pytest.fixture(scope="module")
def full_build(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """All hours, built at once."""
    home = Home(tmp_path_factory.mktemp("full"))
    land(home, "true")
    build(home, HOURS, range(HOURS))
    return home


@pytest.fixture(scope="module")
def warehouse(full_build: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the full build."""
    with open_warehouse(full_build) as connection:
        yield connection


def outcome(warehouse: duckdb.DuckDBPyConnection, base_asset: str, h: int, columns: str) -> Any:
    """Columns of the outcome of one forecast."""
    return warehouse.execute(
        f"select {columns} from {OUTCOMES} where base_asset = ? and forecast_hour_at = ?"
        " and hour_at = ?",
        [base_asset, hour(h), stored(h)],
    ).fetchone()


def test_an_event_is_in_the_highest_hundredth_of_the_sums_before_the_day(warehouse) -> None:
    # Before day 10 are 240 hours, 237 sums of four and 217 of 24: the third highest of each. One
    # hour: 3,000. Four: 4,000 + the 4,000 more of hour 50, four times. 24: 33,000 from 70 to 73.
    limits = "event_1h_usd, event_4h_usd, event_24h_usd"
    assert outcome(warehouse, "hand", 245, limits) == (3000, 8000, 33000)
    # The next hour has 3,000, the next four 3,000 + 1,000 + 2,999 + 1,000, the next 24 27,999.
    sums = "next_long_1h_usd, next_long_4h_usd, next_long_24h_usd"
    assert outcome(warehouse, "hand", 245, sums) == (3000, 7999, 27999)
    events = "is_event_1h, is_event_4h, is_event_24h"
    assert outcome(warehouse, "hand", 245, events) == (True, False, False)
    assert outcome(warehouse, "hand", 247, events) == (False, False, False)


def test_an_event_moves_five_hundredths_of_a_percent_of_known_open_interest(warehouse) -> None:
    # 5 bp of 10 million: 5,000; less than the thresholds of 4 and 24 hours.
    assert outcome(
        warehouse, "large", 245, "event_1h_usd, event_4h_usd, event_24h_usd, is_event_1h"
    ) == (5000, 8000, 33000, False)


def test_what_is_not_known_is_no_event_and_none_is_not(warehouse) -> None:
    events = "is_event_1h, is_event_4h, is_event_24h"
    assert outcome(warehouse, "gap", 245, events) == (None, None, None)
    assert outcome(warehouse, "gap", 242, events) == (False, None, None)
    assert outcome(warehouse, "gap", 241, events) == (False, False, None)


def test_lagged_liquidations_are_shares_of_the_threshold(warehouse) -> None:
    # Until hour 245 nothing but 1,000 an hour; with 246 in it 2,000 more.
    assert outcome(warehouse, "hand", 245, "lagged_long_ratio") == (round(24 / 33, 8),)
    assert outcome(warehouse, "hand", 246, "lagged_long_ratio") == (round(26 / 33, 8),)


def test_hours_within_an_episode_are_known_and_the_next_start_within_a_day(warehouse) -> None:
    columns = "is_in_episode, next_episode_at"
    first, second = hour(246) + timedelta(minutes=20), hour(252) + timedelta(minutes=30)
    # Known at the hour's end: 24 hours before 246:20 is 222:20.
    assert outcome(warehouse, "hand", 221, columns) == (False, None)
    assert outcome(warehouse, "hand", 222, columns) == (False, first)
    assert outcome(warehouse, "hand", 245, columns) == (False, first)
    assert outcome(warehouse, "hand", 246, columns) == (False, second)
    # From 252:30 to 255:15; 252 ends within it, 255 does not.
    assert [outcome(warehouse, "hand", h, columns)[0] for h in range(251, 257)] == [
        *(False, True, True, True),
        *(False, False),
    ]


def test_without_a_weeks_history_nothing_is_an_event(warehouse) -> None:
    assert outcome(warehouse, "hand", 167, "event_1h_usd, is_event_1h") == (None, None)
    assert outcome(warehouse, "hand", 168, "event_1h_usd")[0] == 4000


def test_rows_are_as_available_as_the_last_hour_they_use(warehouse) -> None:
    # 24 hours after hour 245 its sums are known, five minutes after the hour's end.
    assert outcome(warehouse, "hand", 245, "available_at") == (hour(270) + timedelta(minutes=5),)


@pytest.mark.parametrize("base_asset", ["noise", "ALL"])
@pytest.mark.parametrize("predictor", ["score", "lagged_long_liquidations", "intensity_24h_bp"])
def test_the_auc_is_the_share_of_pairs_ranked_rightly(warehouse, base_asset, predictor) -> None:
    column = {"score": "score", "lagged_long_liquidations": "lagged_long_ratio"}.get(
        predictor, f"{predictor}_percentile"
    )
    for horizon in (1, 4):
        expected = warehouse.execute(
            f"""
            with graded as (
                select {column} as value, is_event_{horizon}h as is_event from {OUTCOMES}
                where not is_in_episode and is_event_{horizon}h is not null
                    and lagged_long_ratio is not null
                    and (base_asset = $asset or $asset = 'ALL') and hour_at <= $last
            )
            select
                avg(case when a.value > b.value then 1 when a.value = b.value then 0.5 else 0 end),
                (select count(*) from graded),
                (select count(*) from graded where is_event)
            from graded as a cross join graded as b where a.is_event and not b.is_event
            """,
            {"asset": base_asset, "last": hour(HOURS - 1)},
        ).fetchone()
        found = warehouse.execute(
            "select auc, graded_hours, event_hours from marts.stress_scorecard"
            " where base_asset = ? and horizon_hours = ? and predictor = ? and hour_at = ?",
            [base_asset, horizon, predictor, hour(HOURS - 1)],
        ).fetchone()
        assert found == (pytest.approx(expected[0], abs=1e-7), *expected[1:])


def test_all_predictors_but_unknown_ones_are_graded_beside_their_placebos(warehouse) -> None:
    found = warehouse.execute(
        "select predictor, predictor_kind from marts.stress_scorecard"
        " where base_asset = 'ALL' and horizon_hours = 1 and hour_at = ? order by 2, 1",
        [hour(HOURS - 1)],
    ).fetchall()
    assert found == [
        ("lagged_long_liquidations", "baseline"),
        ("combination", "combination"),
        *(
            (name, "component")
            for name in (
                *("intensity_24h_bp", "long_imbalance_24h", "oi_to_market_cap"),
                *("oi_weighted_funding_8h", "realised_volatility_24h"),
            )
        ),
        *((f"placebo_{name}_score", "placebo") for name in ("flipped", "other", "shifted")),
        ("score", "score"),
    ]


def test_few_episodes_are_a_case_study(warehouse) -> None:
    found = warehouse.execute(
        "select distinct is_case_study, comparison_outcome from marts.stress_scorecard"
        " where distinct_episodes < 30"
    ).fetchall()
    assert found == [(True, "case_study")]
    hours, distinct = warehouse.execute(
        "select event_hours, distinct_episodes from marts.stress_scorecard where base_asset = 'ALL'"
        " and horizon_hours = 24 and predictor = 'score' and hour_at = ?",
        [hour(HOURS - 1)],
    ).fetchone()
    # Of 34 days of forecasts no more than 34 episodes are a day apart, however many hours.
    assert distinct <= 34
    assert hours > distinct


def test_chances_are_of_fits_that_knew_nothing_of_the_forecasts_day(warehouse) -> None:
    first_fit = warehouse.execute(f"select min(hour_at) from {FITS}").fetchone()[0]
    first = warehouse.execute(
        "select min(hour_at) from marts.stress_scorecard where predictor = 'combination'"
    ).fetchone()[0]
    # The first forecasts with chances are of the day after the fit, and stored four days later.
    assert first >= first_fit + timedelta(days=5)


def test_the_windows_of_the_grades_are_the_projects_constants() -> None:
    values = variables()
    assert values["stress_graded_days"] == stress_scores.GRADED_DAYS
    assert values["stress_fitted_days"] == stress_fits.FITTED_DAYS
    assert (24 + values["episode_max_hours"]) / 24 + 1 == stress_scores.FIT_LAG_DAYS


def test_the_graded_components_are_those_of_the_score(warehouse) -> None:
    seed = warehouse.execute(
        "select component from staging.seeds.stress_weights order by position"
    ).fetchall()
    columns = [row[0] for row in warehouse.execute(f"describe {OUTCOMES}").fetchall()]
    graded = [name.removesuffix("_percentile") for name in columns if name.endswith("_percentile")]
    assert graded == [row[0] for row in seed]


@pytest.fixture(scope="module")
def built_in_steps(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Builds all hours but the last and a late one, then the last hours, then the late hour."""
    home = Home(tmp_path_factory.mktemp("steps"))
    land(home, f"h < 1050 and h != {LATE}")
    build(home, 1050, [h for h in range(1050) if h != LATE])
    land(home, f"h != {LATE}")
    for hours in (range(1050, 1056), range(1055, HOURS)):
        build(home, hours.stop, hours)
    land(home, "true")
    build(home, HOURS, [LATE])
    return home


@pytest.mark.parametrize("table", COMPARED)
def test_increments_with_a_late_hour_equal_a_full_build(
    warehouse: duckdb.DuckDBPyConnection, built_in_steps: Home, table: str
) -> None:
    full = contents(warehouse, table)
    with open_warehouse(built_in_steps) as stepped:
        assert contents(stepped, table) == full
    assert len(full) > 50


def test_nothing_looks_ahead(
    warehouse: duckdb.DuckDBPyConnection, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever comes after an hour, its rows and those before it stay as they are."""
    home = Home(tmp_path_factory.mktemp("corrupted"))
    land(home, "true")
    with open_warehouse(home) as connection:
        for table, column in CORRUPTED:
            connection.execute(f"update {table} set {column} where hour_at >= ?", [hour(960)])
    build(home, HOURS, range(HOURS))
    with open_warehouse(home) as corrupted:
        for table in COMPARED:
            query = f"select * from {table} where hour_at {{}} ? order by all"
            assert (
                corrupted.execute(query.format("<"), [hour(960)]).fetchall()
                == warehouse.execute(query.format("<"), [hour(960)]).fetchall()
            ), table
            assert (
                corrupted.execute(query.format(">="), [hour(960)]).fetchall()
                != warehouse.execute(query.format(">="), [hour(960)]).fetchall()
            ), table


CORRUPTED = (
    ("warehouse.marts.liquidation_imbalance_hourly", "long_1h_usd = 9e5, long_24h_usd = 1"),
    ("warehouse.marts.leverage_hourly", "oi_usd = 7e9"),
    ("staging.intermediate.int_stress_scores", "score = 100 - score"),
    ("staging.intermediate.int_stress_percentiles", "percentile = 1"),
    (
        "staging.intermediate.int_liquidation_episodes",
        "started_at = started_at + interval 5 minute",
    ),
)


def contents(connection: duckdb.DuckDBPyConnection, table: str) -> list[tuple[Any, ...]]:
    return connection.execute(f"select * from {table} order by all").fetchall()
