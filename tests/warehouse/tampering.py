"""Ways to break a built mart as a gate reads it: doubled rows, missing rows, nulls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from shutil import copytree
from typing import Any

import duckdb

from unwind.database import row_of
from unwind.settings import Home
from unwind.warehouse.gate_context import Gate, opened_gate
from unwind.warehouse.gate_relations import name_marts
from unwind.warehouse.gate_verdicts import GateResult, judge
from unwind.warehouse.promises import Mart, marts
from unwind.warehouse.suites import MARTS

CHECKED_AT = datetime(2026, 1, 29, 15, 5, tzinfo=UTC)


# A revision as a late file makes one.
REVISION = """
insert into marts.mart_revisions by name
select
    release_id, run_id, built_at as revised_at, 'liquidations_hourly' as mart,
    'changed' as change_kind, '{"venue": "okx"}' as row_key, first_hour_at as hour_at,
    'long_usd' as column_name, '1.0000' as value_before, '2.0000' as value_after,
    'late_batch' as cause, 'import-1' as batch_ids
from marts.release;
update marts.published_releases set revisions = 1;
"""

# A few landed hours have no thresholds yet, and so no episodes.
EPISODE = """
insert into {table} by name
select
    max(hour_at) as hour_at,
    'BTC' as base_asset,
    max(hour_at) + interval 5 minute as started_at,
    true as is_open,
    max(hour_at) as last_hour_at,
    {floor}
    20000 as open_threshold_usd,
    10000 as close_threshold_usd,
    720 as threshold_history_hours,
    40000 as long_usd,
    40000 as total_usd,
    false as has_unestimated_part,
    false as is_lower_bound,
    false as is_incomplete,
    2 as long_events,
    1 as long_venues,
    max(hour_at) + interval 5 minute as peak_minute_at,
    2 as oi_instruments,
    max(hour_at) + interval 65 minute as available_at,
from {hours}
"""

# In a cascade's hour contracts close, and nothing is mapped: openings of nine million dollars, and
# two levels on each side of them.
OPENED = """
insert into intermediate.int_position_flows_hourly by name
select
    max(hour_at) as hour_at, 'binance' as venue, 'BTC' as base_asset, 'BTC' as tier_asset,
    1 as instruments, 1000 as oi_start_base, 100 as opened_base, 0 as closed_long_base,
    0 as closed_short_base, max(available_at) as available_at
from intermediate.int_position_entries_hourly
where base_asset = 'BTC'
"""
MAPPED = """
insert into marts.liquidation_map by name
select
    ?::timestamp as hour_at, 'BTC' as base_asset, liquidated_side, price_bucket,
    pow(1.0025, price_bucket) as bucket_low_usd, pow(1.0025, price_bucket + 1) as bucket_high_usd,
    5e5 as mass_usd, 4e5 as mass_low_usd, 5e5 as mass_mid_usd, 6e5 as mass_high_usd,
    5e5 as fixed_mass_usd, 5e5 as mass_5x_usd, 1e6 as mass_10x_usd, 0 as mass_25x_usd,
    0 as mass_50x_usd, 0 as mass_100x_usd, 1e6 as side_total_usd, 0.5 as side_share,
    2 as side_buckets, 90000 as price_usd, 'mark:binance:BTCUSDT' as price_source,
    100 * (pow(1.0025, price_bucket + 0.5) / 90000 - 1) as distance_percent,
    'fixed' as mix_variant, 'mix-1' as mix_version, 'map-1' as model_version,
    hour_at - interval 719 hour as window_start_at, hour_at + interval 1 hour as window_end_at,
    hour_at + interval 1 hour as as_of_at, hour_at + interval 1 hour as available_at
-- 90,000 dollars are in bucket 4568. The longs are beyond the falls of liquidation_wave, which has
-- no levels.
from (values ('long', 4440), ('long', 4450), ('short', 4580), ('short', 4590))
    as levels(liquidated_side, price_bucket)
"""

# Grades of the liquidation map, as a day that has ended makes them.
GRADES = """
select
    ?::timestamp as hour_at, hour_at + interval 1 hour as available_at,
    'ALL' as base_asset, unnest([1, 4, 24]) as horizon_hours,
    'fixed' as mix_variant, true as is_default, 3 as graded_cases, 2 as graded_days,
    5e5 as liquidated_usd, 6e5 as liquidated_anywhere_usd, 4e5 as mapped_usd,
    0.7 as hit_rate, 0.6 as hit_rate_low, 0.8 as hit_rate_high,
    0.2 as hit_gain_over_uniform, 0.3 as hit_gain_over_volume,
    0.1 as crps_percent, 0.1 as crps_percent_low, 0.1 as crps_percent_high,
    0.1 as crps_gain_over_uniform_percent, 0.2 as crps_gain_over_volume_percent,
    0.0 as crps_gain_over_fixed_percent, 0.5 as uniform_hit_rate, 0.4 as volume_hit_rate,
    0.2 as uniform_crps_percent, 0.3 as volume_crps_percent,
    0.15 as weight_5x, 0.3 as weight_10x, 0.25 as weight_25x, 0.2 as weight_50x, 0.1 as weight_100x
"""
GRADED = f"""
insert into marts.liquidation_map_scorecard by name
select
    *, true as is_case_study, 'mix-1' as mix_version, 'map-1' as model_version,
    hour_at - interval 2159 hour as window_start_at, hour_at + interval 1 hour as window_end_at,
    hour_at + interval 1 hour as as_of_at
from ({GRADES})
"""

# A record of the stress score, as a day that has ended makes it.
RECORD = """
select
    ?::timestamp as hour_at, 'ALL' as base_asset, unnest([1, 4, 24]) as horizon_hours, predictor,
    200 as graded_hours, 10 as graded_days, 20 as event_hours, 0.1 as event_share,
    9 as episodes, 7 as distinct_episodes, auc, auc - 0.1 as auc_low, auc + 0.1 as auc_high,
    0.65 as lagged_auc, auc - 0.65 as auc_gain_over_lagged, auc - 0.75 as auc_gain_over_lagged_low,
    auc - 0.55 as auc_gain_over_lagged_high, 0.5 as volatility_auc,
    auc - 0.5 as auc_gain_over_volatility, auc - 0.6 as auc_gain_over_volatility_low,
    auc - 0.4 as auc_gain_over_volatility_high, 0.5 as funding_auc,
    auc - 0.5 as auc_gain_over_funding, auc - 0.6 as auc_gain_over_funding_low,
    auc - 0.4 as auc_gain_over_funding_high, 0.1 as detectable_auc_gain, 0.2 as auc_pr,
    0.3 as lagged_auc_pr, 0.5 as top_precision, 0.4 as alarm_recall, 5 as alarmed_episodes,
from (values ('score', 0.6), ('lagged_long_liquidations', 0.65), ('placebo_flipped_score', 0.4))
    as records(predictor, auc)
"""
RECORDED = f"""
insert into marts.stress_scorecard by name
select
    *,
    case predictor
        when 'score' then 'score'
        when 'lagged_long_liquidations' then 'baseline'
        else 'placebo'
    end as predictor_kind,
    true as is_case_study, 'case_study' as comparison_outcome, 'stress-2' as label_version,
    'scorecard-1' as scorecard_version, hour_at - interval 370 day as window_start_at,
    hour_at - interval 4 day as window_end_at, hour_at + interval 1 hour as as_of_at
from ({RECORD})
"""


@contextmanager
def judging(built: Home, folder: Path) -> Iterator[Gate]:
    """The marts gate, opened on all hours and batches of a copy of a built home."""
    home = Home(folder)
    copytree(built.warehouse_dir, home.warehouse_dir)
    with duckdb.connect(str(home.staging_db)) as staging:
        staging.execute("delete from ops.pending_hours")
        staging.execute("insert into ops.pending_hours from ops.hours")
        staging.execute("delete from ops.build_batches")
        staging.execute("insert into ops.build_batches select batch_id, revision from ops.batches")
        staging.execute(
            EPISODE.format(
                table="intermediate.int_liquidation_episodes", hours="ops.hours", floor=""
            )
        )
        last_hour = row_of(staging, "select max(hour_at) from ops.hours")
        scores = "intermediate.int_liquidation_map_scores_daily"
        staging.execute(f"insert into {scores} by name {GRADES}", last_hour)
        records = "intermediate.int_stress_scores_daily"
        staging.execute(f"insert into {records} by name {RECORD}", last_hour)
        staging.execute(OPENED)
        opened_hour = row_of(
            staging, "select max(hour_at) from intermediate.int_position_flows_hourly"
        )
    with duckdb.connect(str(home.warehouse_db)) as warehouse:
        warehouse.execute(REVISION)
        warehouse.execute(GRADED, last_hour)
        warehouse.execute(RECORDED, last_hour)
        warehouse.execute(MAPPED, opened_hour)
        episode = EPISODE.format(
            table="marts.liquidation_episodes",
            hours="marts.dim_hours",
            floor="10000 as floor_usd, max(hour_at) + interval 1 hour as as_of_at,",
        )
        warehouse.execute(episode.replace("    max(hour_at) as last_hour_at,\n", ""))
    with opened_gate(home, [home.staging_db, home.warehouse_db]) as gate:
        name_marts(gate.connection)
        # Copied into tables: in views over views, breaking one mart would break those that read it.
        for name in marts():
            run(gate, f"create table sound_{name} as from gate.{name}")
            run(gate, f"create or replace view gate.{name} as from sound_{name}")
        yield gate


def run(gate: Gate, sql: str) -> list[tuple]:
    """Runs SQL on the gate's connection; returns its rows, if any."""
    result = gate.connection.exec_driver_sql(sql)
    return result.fetchall() if result.returns_rows else []


@contextmanager
def replaced(gate: Gate, mart: str, query: str) -> Iterator[None]:
    """Inside the block, the gate reads the rows of a query instead of the mart's."""
    run(gate, f"create or replace table broken_{mart} as {query}")
    run(gate, f"create or replace view gate.{mart} as from broken_{mart}")
    try:
        yield
    finally:
        run(gate, f"create or replace view gate.{mart} as from sound_{mart}")


def verdicts(gate: Gate, suites: Sequence[str]) -> list[GateResult]:
    """All verdicts of some suites."""
    return judge(gate, MARTS, "run", CHECKED_AT, suites)


def refusals(gate: Gate, suites: Sequence[str]) -> dict[str, GateResult]:
    """The critical failures of some suites, by expectation."""
    return {one.expectation: one for one in verdicts(gate, suites) if one.is_critical_failure}


def value_beyond(gate: Gate, kind: str, arguments: Mapping[str, Any]) -> str:
    """A value, as SQL, that a range or a vocabulary rejects."""
    if kind == "accepted_values":
        is_number = all(isinstance(value, int) for value in arguments["values"])
        return "99" if is_number else "'no such word'"
    low, high = arguments.get("min_value"), arguments.get("max_value")
    if isinstance(high, str):
        return f"{gate.limits[high] * 2!r}"
    if high is not None:
        return f"{high + 1}"
    return f"{low - 1}"


def has_hours(mart: Mart) -> bool:
    """Whether it is an hourly mart."""
    return any(column.name == "hour_at" for column in mart.columns)


def without_an_hour(mart: Mart) -> str:
    """An hourly mart without the hour with the most rows."""
    fullest = (
        f"select hour_at from sound_{mart.name} group by hour_at order by count(*) desc, hour_at"
        " limit 1"
    )
    return f"from sound_{mart.name} where hour_at not in ({fullest})"


def without_a_tenth(mart: Mart) -> str:
    """A mart without every tenth row, and without at least one."""
    return (
        f"select * exclude (place) from (select *, row_number() over () as place"
        f" from (from sound_{mart.name} order by all)) where place % 10 != 1"
    )
