"""The interval of the event share contains the true share when liquidations come in cascades.

1,500 hours are simulated per asset. In `CALM` each liquidation is long or short independently; in
the others a whole cascade of up to some minutes is, so that Wilson's interval, which assumes
independent events, is far too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from unwind.settings import Home
from unwind.warehouse.dbt import run_dbt
from unwind.warehouse.hidden_liquidations import COLUMNS
from unwind.warehouse.state import staging_state

FIRST_HOUR = datetime.fromisoformat("2026-01-01")  # naive UTC, as in the warehouse
HOURS = 1500
Z = 1.6448536


class Arrivals(NamedTuple):
    """Cascades per hour, mean events and minutes of one, and the probability that it is long."""

    per_hour: float
    events: float
    minutes: float
    long_share: float


ARRIVALS = {
    "CALM": Arrivals(60, 1, 0, 0.5),
    "FEW": Arrivals(6, 20, 0.5, 0.5),
    "ONE-SIDED": Arrivals(6, 20, 0.5, 0.9),
    "LONG": Arrivals(12, 10, 3, 0.5),
    "MANY": Arrivals(30, 20, 2, 0.5),
}


class Minute(NamedTuple):
    minute_at: datetime
    hour_at: datetime
    base_asset: str
    long_events: int
    events: int


def minutes_of(asset: str, arrivals: Arrivals, random: np.random.Generator) -> Iterator[Minute]:
    for hour in range(HOURS):
        hour_at = FIRST_HOUR + timedelta(hours=hour)
        counts = np.zeros((60, 2), dtype=int)
        for _ in range(random.poisson(arrivals.per_hour)):
            events = random.geometric(1 / arrivals.events)
            is_long = int(random.random() < arrivals.long_share)
            at = random.uniform(0, 60) + random.exponential(arrivals.minutes, events)
            np.add.at(counts, (at[at < 60].astype(int), is_long), 1)
        for minute in np.flatnonzero(counts.sum(axis=1)).tolist():
            minute_at = hour_at + timedelta(minutes=minute)
            events, longs = int(counts[minute].sum()), int(counts[minute, 1])
            yield Minute(minute_at, hour_at, asset, longs, events)


@pytest.fixture(scope="module")
def intervals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[float, ...]]]:
    """By asset: (longs, shorts, effective events, low, high) of each hour."""
    home = Home(tmp_path_factory.mktemp("simulated"))
    with staging_state(home) as staging:
        hours = [FIRST_HOUR + timedelta(hours=hour) for hour in range(HOURS)]
        for table in ("ops.hours", "ops.pending_hours"):
            staging.execute(f"insert into {table} select unnest(?::timestamp[])", [hours])
    random = np.random.default_rng(20260129)
    simulated = [
        one for asset, arrivals in ARRIVALS.items() for one in minutes_of(asset, arrivals, random)
    ]
    write_upstream(home, simulated)
    run_dbt(home, ["run", "--select", "liquidation_imbalance_hourly"])
    with duckdb.connect(str(home.warehouse_db), read_only=True) as warehouse:
        return {
            asset: warehouse.execute(
                "select long_1h_events, short_1h_events, effective_1h_events,"
                " long_1h_event_share_low, long_1h_event_share_high"
                " from marts.liquidation_imbalance_hourly"
                " where base_asset = ? and long_1h_event_share is not null",
                [asset],
            ).fetchall()
            for asset in ARRIVALS
        }


def write_upstream(home: Home, simulated: list[Minute]) -> None:
    """The mart's upstream tables, with every hour fully covered."""
    rows = pa.table(
        {
            name: pa.array(
                [getattr(one, name) for one in simulated],
                type=pa.timestamp("us") if name.endswith("_at") else None,
            )
            for name in Minute._fields
        }
    )
    with duckdb.connect() as connection:
        connection.register("simulated", rows)
        connection.execute(f"attach '{home.warehouse_db}' as warehouse")
        connection.execute(f"attach '{home.staging_db}' as staging")
        connection.execute("create schema staging.intermediate")
        connection.execute("create schema warehouse.marts")
        connection.execute(
            "create table warehouse.marts.liquidations_minutely as"
            " select *, 'deribit' as venue from simulated"
        )
        connection.execute(
            "create table warehouse.marts.liquidations_hourly as select hour_at, venue, base_asset,"
            " sum(long_events)::bigint as long_events,"
            " sum(events - long_events)::bigint as short_events,"
            " sum(long_events)::decimal(38, 4) as long_usd,"
            " sum(events - long_events)::decimal(38, 4) as short_usd, false as is_lower_bound,"
            " null::timestamp as available_at"
            " from warehouse.marts.liquidations_minutely group by all"
        )
        connection.execute(
            "create table staging.intermediate.int_tracked_assets_hourly as"
            " select distinct hour_at, base_asset, null::timestamp as available_at from simulated"
        )
        connection.execute(
            "create table staging.intermediate.int_asset_coverage_windows as"
            " select hour_at, 'ALL' as base_asset, 24 as complete_hours_24h,"
            " false as is_incomplete_1h, false as is_lower_bound_1h,"
            " false as is_incomplete_24h, false as is_lower_bound_24h,"
            " false as has_unknown_rule_1h, false as has_unknown_rule_24h,"
            " null::timestamp as available_at_24h from staging.ops.hours"
        )
        moments = ", ".join(f"{name} {kind}" for name, kind in COLUMNS)
        connection.execute(
            "create table staging.intermediate.int_hidden_liquidations_hourly"
            f" (hour_at timestamp, venue varchar, base_asset varchar, {moments},"
            " available_at timestamp)"
        )


def wilson(share: float, events: float) -> tuple[float, float]:
    centre = share + Z**2 / 2 / events
    half = Z * math.sqrt(share * (1 - share) / events + Z**2 / 4 / events**2)
    return (centre - half) / (1 + Z**2 / events), (centre + half) / (1 + Z**2 / events)


def held(bounds: list[tuple[float, float]], truth: float) -> float:
    return sum(low <= truth <= high for low, high in bounds) / len(bounds)


@pytest.mark.parametrize("asset", ARRIVALS)
def test_the_interval_holds_the_true_share_and_is_never_narrower_than_wilsons(
    intervals: dict[str, list[tuple[float, ...]]], asset: str
) -> None:
    truth = ARRIVALS[asset].long_share
    hours = intervals[asset]
    assert len(hours) > 1400
    assert held([(low, high) for *_, low, high in hours], truth) >= 0.8
    for longs, shorts, effective, low, high in hours:
        plain_low, plain_high = wilson(longs / (longs + shorts), longs + shorts)
        assert 1 <= effective <= longs + shorts
        assert low <= plain_low + 1e-6
        assert high >= plain_high - 1e-6


@pytest.mark.parametrize("asset", sorted(set(ARRIVALS) - {"CALM"}))
def test_wilsons_interval_alone_misses_the_share_of_cascades(
    intervals: dict[str, list[tuple[float, ...]]], asset: str
) -> None:
    plain = [
        wilson(longs / (longs + shorts), longs + shorts) for longs, shorts, *_ in intervals[asset]
    ]
    assert held(plain, ARRIVALS[asset].long_share) < 0.4


def test_calm_hours_keep_useful_intervals(
    intervals: dict[str, list[tuple[float, ...]]],
) -> None:
    # With sixty independent events Wilson's interval is 0.21 wide; with only four blocks, 0.33.
    widths = [high - low for *_, low, high in intervals["CALM"]]
    assert sum(widths) / len(widths) < 0.4
