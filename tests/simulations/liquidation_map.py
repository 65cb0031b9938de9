"""The liquidation map's grades in simulated markets: the tables in docs/liquidation-map.md.

    .venv/bin/python -m tests.simulations.liquidation_map [MARKETS [DAYS]]

Simulates so many markets (3) of so many days (70), builds the models over what they published,
and prints the scorecard of the last day. Their venue liquidates at a margin of 0.4%, as the map
knows; it does not know their mix of leverage, nor where in a bar positions open. Then prints how
often skill is found in 200 markets without: the same, with liquidations placed otherwise
(map_without_skill).
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from tests.simulations.leveraged_market import FIRST_AT, TABLES, publish, simulate
from tests.simulations.map_without_skill import TESTS, cases_of, shares_found
from unwind.settings import Home
from unwind.warehouse.dbt import run_dbt
from unwind.warehouse.state import staging_state

SEEDS = ("leverage_mix", "leverage_mix_draws", "maintenance_margin_tiers")
MODELS = (
    *("int_liquidation_price_ratios", "int_position_flows_hourly", "int_position_entries_hourly"),
    *("int_liquidation_levels_daily", "int_liquidation_map_outcomes_daily"),
    *("int_liquidation_map_trail", "int_liquidation_map_scores_daily"),
    "liquidation_map_scorecard",
)
GRADES = """
select
    horizon_hours, mix_variant, graded_cases,
    columns('^(hit|volume_hit|crps|uniform_crps|volume_crps|calibration)_')
from warehouse.marts.liquidation_map_scorecard
where base_asset = 'ALL' and hour_at = (
    select max(hour_at) from warehouse.marts.liquidation_map_scorecard
)
order by horizon_hours, mix_variant
"""


@contextmanager
def attached(connection: duckdb.DuckDBPyConnection, home: Home) -> Iterator[None]:
    """Both files of a home, attached for as long as the block runs."""
    connection.execute(f"attach '{home.staging_db}' as staging")
    connection.execute(f"attach '{home.warehouse_db}' as warehouse")
    yield
    connection.execute("detach staging")
    connection.execute("detach warehouse")


OUTCOMES = "from staging.intermediate.int_liquidation_map_outcomes_daily"
MARKETS_WITHOUT_SKILL = 200
SEED = 20261126


def simulated(home: Home, markets: int, days: int) -> duckdb.DuckDBPyConnection:
    """Simulates and builds in an empty home.

    Tables of the connection: `grades`, of the last day over all markets, and `outcomes`.
    """
    with staging_state(home) as state:
        state.execute(
            "insert into ops.hours select unnest(range(?::timestamp,"
            " ?::timestamp + to_hours(?), interval 1 hour))",
            [FIRST_AT, FIRST_AT, days * 24],
        )
        state.execute("insert into ops.pending_hours from ops.hours")
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    for table, columns in TABLES.items():
        connection.execute(f"create table {table} ({columns})")
    for number in range(markets):
        publish(connection, f"MARKET{number}", simulate(number, days))
    with attached(connection, home):
        connection.execute("create schema if not exists staging.intermediate")
        connection.execute("create schema if not exists warehouse.marts")
        for table in TABLES:
            schema = "warehouse.marts" if table.startswith("fct_") else "staging.intermediate"
            connection.execute(f"create or replace table {schema}.{table} as from {table}")
    run_dbt(home, ["seed", "--select", *SEEDS])
    with attached(connection, home):
        connection.execute(
            "update staging.seeds.maintenance_margin_tiers set maintenance_margin_rate = 0.004,"
            " deduction_usd = 0, max_leverage = 125 where venue = 'binance' and base_asset = '*'"
        )
    run_dbt(home, ["run", "--select", *MODELS])
    with attached(connection, home):
        connection.execute(f"create table grades as {GRADES}")
        connection.execute(f"create table outcomes as {OUTCOMES}")
    return connection


def print_table(table: duckdb.DuckDBPyRelation) -> None:
    """Prints the names and the values of each row."""
    for row in table.fetchall():
        values = zip(table.columns, row, strict=True)
        print(
            ", ".join(
                f"{name} {value:.3f}" if isinstance(value, float) else f"{name} {value}"
                for name, value in values
            )
        )


def print_without_skill(outcomes: duckdb.DuckDBPyRelation, markets: int) -> None:
    """Prints the percentages of markets in which each test finds skill, by horizon."""
    redraws = -(-MARKETS_WITHOUT_SKILL // markets)
    print(f"percent of {redraws * markets} markets: {', '.join(TESTS)}")
    for horizon_hours in (1, 4, 24):
        cases = cases_of(outcomes, horizon_hours)
        for name, shares in shares_found(cases, redraws, SEED + horizon_hours).items():
            found = " ".join(f"{100 * share:6.1f}" for share in shares)
            print(f"{horizon_hours:>2} h, {name:28} {found}")


if __name__ == "__main__":
    asked = [int(text) for text in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as folder:
        markets, days = asked + [3, 70][len(asked) :]
        tables = simulated(Home(Path(folder) / "home"), markets, days)
        print_table(tables.table("grades"))
        print_without_skill(tables.table("outcomes"), markets)
