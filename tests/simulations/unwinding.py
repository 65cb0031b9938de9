"""How often unwind_classification names the mechanism of a simulated market: docs/episodes.md.

    .venv/bin/python -m tests.simulations.unwinding [MARKETS]

Simulates so many markets of each mechanism (40), builds the models over what they published, and
prints by mechanism how often each class was given at the end of the last day.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from tests.simulations.unwinding_market import CLASSES, DAYS, Tape, simulate
from unwind.settings import Home
from unwind.warehouse.dbt import run_dbt
from unwind.warehouse.hidden_liquidations import COLUMNS
from unwind.warehouse.state import staging_state

SEED = 20261126
MARKETS = 40
FIRST_AT = datetime.fromisoformat("2026-01-01")  # naive UTC, as in the warehouse
HIDDEN = ", ".join(f"{name} {kind}" for name, kind in COLUMNS)
# What the models read, made from `prices`, `interest` and `events` of all markets. A venue that
# publishes everything, heard in every hour.
UPSTREAM = f"""
create schema if not exists staging.intermediate;
create schema if not exists warehouse.marts;

create table warehouse.marts.fct_liquidations as
select
    base_asset, event_at, date_trunc('hour', event_at) as hour_at, 'gate' as venue,
    'liquidation' as event_kind, 'long' as liquidated_side, usd::decimal(38, 4) as notional_usd
from events;

create table warehouse.marts.liquidations_minutely as
select
    date_trunc('minute', event_at) as minute_at, hour_at, venue, base_asset,
    sum(notional_usd)::decimal(38, 4) as long_usd, 0::decimal(38, 4) as short_usd,
    long_usd as total_usd, count(*) as long_events, 0::bigint as short_events,
    false as is_lower_bound, hour_at + interval 65 minute as available_at
from warehouse.marts.fct_liquidations
group by all;

create table warehouse.marts.liquidations_hourly as
select hour_at, venue, base_asset, sum(total_usd) as total_usd, available_at
from warehouse.marts.liquidations_minutely
group by all;

create table staging.intermediate.int_hidden_liquidations_minutely (
    minute_at timestamp, hour_at timestamp, venue varchar, base_asset varchar,
    available_at timestamp, {HIDDEN}
);
create table staging.intermediate.int_hidden_liquidations_hourly (
    hour_at timestamp, venue varchar, base_asset varchar, available_at timestamp, {HIDDEN}
);

create table staging.intermediate.int_tracked_assets_hourly as
select hour_at, base_asset, hour_at + interval 65 minute as available_at from interest;

create table staging.intermediate.int_asset_coverage_hourly as
select *, 1 as venues_covered, true as is_complete
from staging.intermediate.int_tracked_assets_hourly;

create table staging.intermediate.int_instrument_open_interest_hourly as
select
    interest.hour_at, 'gate' as venue, 'perp' as instrument, interest.base_asset,
    oi_start_base, oi_end_base, oi_start_base * open_usd as oi_start_usd,
    oi_end_base * close_usd as oi_end_usd, interest.hour_at + interval 65 minute as available_at
from interest
inner join prices using (hour_at, base_asset);

create table staging.intermediate.int_asset_prices_hourly as
select
    *, 1e6::double as volume_usd, open_usd as hour_before_close_usd,
    hour_at + interval 65 minute as available_at
from prices;

create table warehouse.marts.liquidation_imbalance_hourly as
select
    tracked.hour_at, tracked.base_asset, coalesce(total_usd, 0)::decimal(38, 4) as long_1h_usd,
    sum(coalesce(total_usd, 0)) over (
        partition by tracked.base_asset order by tracked.hour_at
        rows between 23 preceding and current row
    )::decimal(38, 4) as long_24h_usd,
    0::decimal(38, 4) as short_24h_usd, tracked.available_at
from staging.intermediate.int_tracked_assets_hourly as tracked
left join warehouse.marts.liquidations_hourly using (hour_at, base_asset);
"""
LEVERAGE = """
create table warehouse.marts.leverage_hourly as
select hour_at, base_asset, oi_change_24h_share, available_at
from staging.intermediate.int_asset_open_interest_changes_hourly;
"""
VERDICTS = f"""
select
    split_part(base_asset, ' ', 1) as mechanism, coalesce(unwind_class, deciding_rule) as verdict,
    oi_change_24h_share, peak_hour_share, drawdown_24h_share / daily_volatility_30d as sigmas,
    episodes_7d, stages_7d, smallest_episode_oi_change_share, forced_ratio
from marts.unwind_classification
where base_asset != 'ALL'
    and hour_at = timestamp '{FIRST_AT}' + interval {DAYS * 24 - 1} hour
order by mechanism, base_asset
"""


@contextmanager
def attached(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    """Both files of a home, as staging and warehouse."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{home.staging_db}' as staging")
        connection.execute(f"attach '{home.warehouse_db}' as warehouse")
        yield connection


def publish(connection: duckdb.DuckDBPyConnection, base_asset: str, tape: Tape) -> None:
    """Adds what a market published to `prices`, `interest` and `events`."""
    hours = np.datetime64(FIRST_AT, "us") + np.arange(DAYS * 24) * np.timedelta64(1, "h")
    # Each hour's prices, its end's among them.
    within = np.lib.stride_tricks.sliding_window_view(tape.prices, 61)[::60]
    prices = {
        "hour_at": hours,
        "open_usd": within[:, 0],
        "high_usd": within.max(axis=1),
        "low_usd": within.min(axis=1),
        "close_usd": within[:, -1],
    }
    interest = {
        "hour_at": hours,
        "oi_start_base": tape.open_interest[:-1],
        "oi_end_base": tape.open_interest[1:],
    }
    minutes, usd = zip(*tape.liquidations, strict=True)
    events = {
        "event_at": hours[0] + np.array(minutes) * np.timedelta64(1, "m"),
        "usd": np.array(usd),
    }
    for name, columns in (("prices", prices), ("interest", interest), ("events", events)):
        connection.register("published", columns)
        verb = f"create table if not exists {name} as from rows limit 0; insert into {name}"
        rows = f"(select '{base_asset}' as base_asset, * from published)"
        connection.execute(f"{verb.replace('rows', rows)} from {rows}")
        connection.unregister("published")


def verdicts(home: Home, markets: int) -> list[tuple[Any, ...]]:
    """Simulates so many markets of each mechanism and builds them in an empty home: VERDICTS."""
    with staging_state(home) as state:
        state.execute(
            "insert into ops.hours select unnest(range(?::timestamp,"
            " ?::timestamp + to_hours(?), interval 1 hour))",
            [FIRST_AT, FIRST_AT, DAYS * 24],
        )
        state.execute("insert into ops.pending_hours from ops.hours")
    with attached(home) as connection:
        for place, mechanism in enumerate(CLASSES):
            for number in range(markets):
                draw = np.random.default_rng([SEED, place, number])
                publish(connection, f"{mechanism} {number}", simulate(mechanism, draw))
        connection.execute(UPSTREAM)
    run_dbt(home, ["run", "--select", "int_asset_open_interest_changes_hourly"])
    with attached(home) as connection:
        connection.execute(LEVERAGE)
    models = (
        *("int_price_windows_hourly", "int_liquidation_thresholds_daily"),
        *("int_liquidation_episodes", "unwind_classification"),
    )
    run_dbt(home, ["run", "--select", *models])
    with duckdb.connect(str(home.warehouse_db), read_only=True) as connection:
        return connection.execute(VERDICTS).fetchall()


def correctly_classed(found: list[tuple[Any, ...]]) -> float:
    """The share of markets whose class is their mechanism's, of those that are not calm."""
    moved = [(CLASSES[row[0]], row[1]) for row in found if row[0] != "calm"]
    return [verdict == expected for expected, verdict in moved].count(True) / len(moved)


def main(markets: int) -> None:
    """Prints the matrix, and every market's inputs."""
    with tempfile.TemporaryDirectory() as folder:
        found = verdicts(Home(Path(folder) / "home"), markets)
    for row in found:
        print(*row, sep=", ")
    print("mechanism", *CLASSES.values(), "unknown", sep=", ")
    for mechanism in CLASSES:
        counts = Counter(verdict for name, verdict, *_ in found if name == mechanism)
        known = [counts[name] for name in CLASSES.values()]
        print(mechanism, *known, counts.total() - sum(known), sep=", ")
    print(f"named by their mechanism: {correctly_classed(found):.0%}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else MARKETS)
