"""Imports CSV files with the user's own columns and stages them without the venues' models."""

from __future__ import annotations

import duckdb
from tests.liquidations.liquidation_imports import Built

from unwind.landing.ledger import Ledger
from unwind.settings import Home
from unwind.warehouse.dbt import run_dbt
from unwind.warehouse.refresh import UNTESTED
from unwind.warehouse.state import staging_state, write_build_batches

STAGING = (
    *("path:models/staging/csv", "stg_market_caps", "stg_coinalyze__reported_liquidations"),
    *("stg_coinglass__reported_liquidations", "stg_gate__reported_liquidations"),
)
TABLES = (
    *("prices", "open_interest", "funding", "long_short_ratio", "reported_liquidations"),
    "market_caps",
)


def build_own_csv(home: Home, batches: dict[str, str]) -> Built:
    """Stages everything sealed, and builds the two facts that need no venue's models."""
    ledger = Ledger(home)
    with staging_state(home) as state:
        write_build_batches(state, home, [ledger.read(ref) for ref in ledger.sealed()])
    duckdb.connect(str(home.warehouse_db)).close()
    run_dbt(home, ["build", *UNTESTED, "--select", "assets", "plausibility_limits", *STAGING])
    with staging_state(home) as state:
        hours = " union ".join(f"select hour_at from landed.stg_csv__{table}" for table in TABLES)
        state.execute(f"insert into ops.pending_hours {hours}")
    run_dbt(
        home,
        [
            *("build", *UNTESTED),
            *("--select", "int_reported_liquidations_staged", "reported_liquidations"),
            *("+fct_market_caps", "--exclude"),
            *("path:models/staging/csv", "stg_market_caps", "assets"),
        ],
    )
    return Built(home, home.warehouse_db, batches)
