"""The share of hours in the extreme stress regime, on simulated components.

    .venv/bin/python -m tests.simulations.extreme_share

Each component of each asset is an independent first-order autoregression; the models rank, weigh
and label them like any market. Prints the table in docs/semantics.md. Only hours after 180 days
count, when components and score have a full 90 days of history.
"""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from tests.simulations.range_divergence import SEED, autoregression
from unwind.settings import Home
from unwind.warehouse.dbt import run_dbt
from unwind.warehouse.state import staging_state

FIRST_HOUR = datetime.fromisoformat("2025-01-01")
RANKED_FROM = 2 * 2160
HOURS = RANKED_FROM + 2160
ASSETS = 10
PERSISTENCES = (0.0, 0.9, 0.98, 0.995)
COMPONENTS = (
    "oi_to_market_cap",
    "oi_weighted_funding_8h",
    "long_imbalance_24h",
    "intensity_24h_bp",
    "realised_volatility_24h",
)
MODELS = (
    *("int_stress_percentiles", "int_stress_scores"),
    *("stress_components_hourly", "stress_hourly"),
)


def made_components(random: np.random.Generator, phi: float) -> pd.DataFrame:
    """Components of the assets of one persistence, one row per asset and hour."""
    hours = [FIRST_HOUR + timedelta(hours=h) for h in range(HOURS)]
    made = pd.DataFrame(
        {
            "hour_at": np.tile(np.array(hours, dtype="datetime64[us]"), ASSETS),
            "base_asset": np.repeat([f"{phi:g} {n}" for n in range(ASSETS)], HOURS),
        }
    )
    for component in COMPONENTS:
        made[component] = autoregression(random, phi, ASSETS, HOURS).ravel()
    return made


def main() -> None:
    """Prints the shares by persistence."""
    random = np.random.default_rng(SEED)
    made = pd.concat([made_components(random, phi) for phi in PERSISTENCES])
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        with staging_state(home) as connection:
            connection.register("made", made)
            for table in ("ops.hours", "ops.pending_hours"):
                connection.execute(
                    f"insert into {table} select distinct hour_at from made order by 1"
                )
            connection.execute("create schema if not exists intermediate")
            connection.execute(
                "create table intermediate.int_stress_values as"
                " select *, hour_at + interval 1 hour as available_at from ("
                " unpivot made on columns(* exclude (hour_at, base_asset))"
                " into name component value value)"
            )
        untested = ("--resource-type=model", "--resource-type=seed")
        run_dbt(home, ["build", *untested, "--select", "stress_weights", *MODELS])
        with duckdb.connect(str(home.warehouse_db), read_only=True) as connection:
            rows = connection.execute(
                """
                select
                    split_part(stress.base_asset, ' ', 1) as phi,
                    avg((stress.regime = 'extreme')::integer) as of_score,
                    avg((score_percentile > 95)::integer) as above_95,
                    avg((components.regime = 'extreme')::integer) as of_component
                from marts.stress_hourly as stress
                inner join marts.stress_components_hourly as components
                    on stress.hour_at = components.hour_at
                    and stress.base_asset = components.base_asset
                where stress.hour_at >= ?
                    and components.component = 'oi_to_market_cap'
                group by all
                order by all
                """,
                [FIRST_HOUR + timedelta(hours=RANKED_FROM)],
            ).fetchall()
    print(f"seed {SEED}, {ASSETS} assets and {HOURS - RANKED_FROM} hours each, shares in percent")
    print(
        "| AR(1) of each component | score over the 95th percentile | score extreme |"
        " one component extreme |"
    )
    print("|---|---|---|---|")
    for phi, of_score, above_95, of_component in rows:
        shares = " | ".join(f"{100 * share:.1f}" for share in (above_95, of_score, of_component))
        print(f"| {phi} | {shares} |")


if __name__ == "__main__":
    main()
