"""False and true positive rates of `range_divergence`.

    .venv/bin/python -m tests.simulations.range_divergence [SERIES]

Each case generates SERIES independent pairs of 48 hours of log intensity and log range (default
4,000), builds `divergence_hourly` over them, and prints the flags of the last hour: the table in
docs/semantics.md. tests/dbt/test_trend_significance.py runs fewer of the same.
"""

from __future__ import annotations

import math
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from unwind.settings import Home
from unwind.warehouse.dbt import run_dbt
from unwind.warehouse.state import staging_state

SEED = 20260129
FIRST_HOUR = datetime.fromisoformat("2026-01-01")
HOURS = 48
# The cases of the documented table.
SERIES = 4_000


@dataclass(frozen=True)
class Case:
    """Pairs of series: how persistent, how far they trend, and their distribution.

    `phi` is the autocorrelation from one hour to the next of a normal process with a standard
    deviation of one. Over the 48 hours the intensity rises and the range narrows by `trend`
    deviations. `quiet` is the share of hours without a liquidation; `noise` adds independent noise
    of the same variance; `skewed` makes the intensities log-normal.
    """

    name: str
    phi: float
    trend: float = 0.0
    quiet: float = 0.0
    noise: bool = False
    skewed: bool = False


CASES = (
    Case("independent hours", 0.0),
    Case("AR(1) 0.5", 0.5),
    Case("AR(1) 0.7", 0.7),
    Case("AR(1) 0.9", 0.9),
    Case("AR(1) 0.7, quiet in 8 of 10 hours", 0.7, quiet=0.8),
    Case("AR(1) 0.7, log-normal", 0.7, skewed=True),
    Case("AR(1) 0.7 plus noise", 0.7, noise=True),
    Case("AR(1) 0.9 plus noise", 0.9, noise=True),
    Case("random walk", 1.0),
    Case("independent hours, trend of 2", 0.0, trend=2),
    Case("AR(1) 0.5, trend of 2", 0.5, trend=2),
    Case("AR(1) 0.5, trend of 4", 0.5, trend=4),
    Case("AR(1) 0.7, trend of 2", 0.7, trend=2),
    Case("AR(1) 0.7, trend of 4", 0.7, trend=4),
)


@dataclass(frozen=True)
class Verdict:
    """Shares of a case's pairs: with each trend significant, and flagged."""

    case: Case
    rising: float
    narrowing: float
    flagged: float
    uncorrected: float


def autoregression(
    random: np.random.Generator, phi: float, series: int, hours: int
) -> NDArray[np.float64]:
    """Independent first-order autoregressions of unit variance, [series, hour].

    A `phi` of 1 gives random walks with steps of unit variance.
    """
    shocks = random.standard_normal((series, hours))
    if phi < 1:
        shocks[:, 1:] *= math.sqrt(1 - phi * phi)
    values = shocks.copy()
    for hour in range(1, hours):
        values[:, hour] = phi * values[:, hour - 1] + shocks[:, hour]
    return values


def made_pairs(random: np.random.Generator, case: Case, series: int) -> pd.DataFrame:
    """One row per pair and hour: base_asset, h, long_intensity_1h_bp and range_usd."""
    rise = case.trend * (np.arange(HOURS) / (HOURS - 1) - 0.5)
    heat = autoregression(random, case.phi, series, HOURS)
    width = autoregression(random, case.phi, series, HOURS)
    if case.noise:
        heat += random.standard_normal(heat.shape)
        width += random.standard_normal(width.shape)
    heat, width = heat + rise, width - rise
    if case.quiet:
        # This share of a standard normal is below the quantile.
        heat = np.maximum(heat - np.quantile(heat, case.quiet), 0)
    elif case.skewed:
        heat = np.exp(1.5 * heat)
    else:
        heat = heat + 100
    # The model takes ln(1 + intensity); for a rank statistic the unit does not matter.
    intensity = np.expm1(heat / 10)
    return pd.DataFrame(
        {
            "base_asset": np.repeat([f"{case.name} {n}" for n in range(series)], HOURS),
            "h": np.tile(np.arange(HOURS), series),
            "long_intensity_1h_bp": intensity.ravel(),
            "range_usd": np.exp(width).ravel(),
        }
    )


UPSTREAM = """
create schema if not exists staging.intermediate;
create schema if not exists warehouse.marts;

create or replace table pairs_hourly as
select
    timestamp '2026-01-01' + to_hours(h::integer) as hour_at,
    timestamp '2026-01-03 01:00' as available_at,
    *,
from made;

create or replace table staging.intermediate.int_tracked_assets_hourly as
select hour_at, base_asset, available_at from pairs_hourly where h = 47;

create or replace table warehouse.marts.liquidation_intensity_hourly as
select hour_at, base_asset, long_intensity_1h_bp, available_at from pairs_hourly;

create or replace table warehouse.marts.liquidation_imbalance_hourly as
select distinct hour_at, 'ALL' as base_asset, 0::decimal(38, 4) as long_1h_usd, available_at,
from pairs_hourly;

create or replace table staging.intermediate.int_asset_coverage_hourly as
select distinct hour_at, 'ALL' as base_asset, true as is_complete, available_at from pairs_hourly;

create or replace table staging.intermediate.int_price_windows_hourly as
select
    hour_at,
    base_asset,
    range_usd,
    100::double as close_usd,
    100::double as low_24h_usd,
    hour_at as low_24h_at,
    100::double as high_72h_before_low_usd,
    100::double as vwap_7d_usd,
    available_at,
from pairs_hourly;
"""


def built(home: Home, made: pd.DataFrame) -> pd.DataFrame:
    """The last hour of `divergence_hourly`, one row per pair, built by the model itself."""
    hours = [FIRST_HOUR + timedelta(hours=h) for h in range(HOURS)]
    with staging_state(home) as connection:
        for table, listed in (("ops.hours", hours), ("ops.pending_hours", hours[-1:])):
            connection.execute(f"delete from {table}")
            connection.execute(f"insert into {table} select unnest(?::timestamp[])", [listed])
    with duckdb.connect() as connection:
        connection.execute(f"attach '{home.warehouse_db}' as warehouse")
        connection.execute(f"attach '{home.staging_db}' as staging")
        connection.register("made", made)
        connection.execute(UPSTREAM)
    run_dbt(home, ["run", "--full-refresh", "--select", "divergence_hourly"])
    with duckdb.connect(str(home.warehouse_db), read_only=True) as connection:
        return connection.execute("select * from marts.divergence_hourly").df()


def independent_hours_p(tau: pd.Series) -> pd.Series:
    """Two-sided p of tau against time, assuming 48 independent hours without ties."""
    score = tau * HOURS * (HOURS - 1) / 2
    deviation = math.sqrt(HOURS * (HOURS - 1) * (2 * HOURS + 5) / 18)
    return (score.abs() / deviation).map(lambda z: math.erfc(z / math.sqrt(2)))


def simulated(home: Home, cases: Iterable[Case], series: int, seed: int = SEED) -> list[Verdict]:
    """The shares of each case, over this many pairs."""
    random = np.random.default_rng(seed)
    cases = list(cases)
    rows = built(home, pd.concat([made_pairs(random, case, series) for case in cases]))
    verdicts = []
    for case in cases:
        own = rows[rows.base_asset.str.replace(r" \d+$", "", regex=True) == case.name]
        assert len(own) == series, f"{len(own)} rows of {case.name}"
        rising = (own.intensity_p_value < own.trend_p_threshold) & (own.intensity_tau > 0)
        narrowing = (own.range_p_value < own.trend_p_threshold) & (own.range_tau < 0)
        # Ties reduce the variance, so for quiet hours this is slightly low.
        plain = (
            (independent_hours_p(own.intensity_tau) < own.trend_p_threshold)
            & (own.intensity_tau > 0)
            & (independent_hours_p(own.range_tau) < own.trend_p_threshold)
            & (own.range_tau < 0)
        )
        verdicts.append(
            Verdict(
                case,
                rising.mean(),
                narrowing.mean(),
                own.range_divergence.astype(bool).mean(),
                plain.mean(),
            )
        )
    return verdicts


def main() -> None:
    """Prints the table of docs/semantics.md."""
    series = int(sys.argv[1]) if len(sys.argv) > 1 else SERIES
    print(f"seed {SEED}, {series} pairs a case, shares in percent")
    print("| hours | rising | narrowing | flagged | flagged without correction |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        verdicts = simulated(Home(Path(folder)), CASES, series)
    for verdict in verdicts:
        shares = (verdict.rising, verdict.narrowing, verdict.flagged, verdict.uncorrected)
        print(f"| {verdict.case.name} | {' | '.join(f'{100 * share:.2f}' for share in shares)} |")


if __name__ == "__main__":
    main()
