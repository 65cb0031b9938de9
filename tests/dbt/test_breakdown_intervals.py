"""Intervals, shares and ranks of exchange_breakdown, over hand-made hours.

In the hour, Binance published 1,000 dollars and hid 1,000 +- 1,000; Hyperliquid and Deribit, which
publish everything, have 3,000 and 10; HTX, whose rule is unknown, published 500.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import duckdb
import pytest
from tests.dbt.test_leverage_marts import open_warehouse, plan

from unwind.settings import Home
from unwind.warehouse.dbt import run_dbt
from unwind.warehouse.hidden_liquidations import COLUMNS
from unwind.warehouse.state import staging_state

HOUR = datetime.fromisoformat("2026-01-29T14")  # naive UTC, as in the warehouse
RULES = {
    "binance": "one_per_symbol_second_latest",
    "hyperliquid": "full",
    "deribit": "full",
    "htx": "unknown",
}
LONG_USD = {"binance": 1_000, "hyperliquid": 3_000, "deribit": 10, "htx": 500}
HIDDEN = {
    "binance": {
        **{"hidden_events": 100, "hidden_events_variance": 100},
        **{"hidden_usd": 1_000, "hidden_usd_variance": 1_000_000, "estimated_channel_hours": 1},
    },
    "htx": {"unestimated_events": 1, "unestimated_usd": 500, "unknown_rule_channel_hours": 1},
}
# exp(ln 1000 - ln(2)/2 -+ 1.6448536 sqrt(ln 2)).
HIDDEN_LOW, HIDDEN_HIGH = 179.7831, 2_781.1287

WINDOWS = (1, 4, 12, 24)
PARENTS = f"""
create schema if not exists marts;
create schema if not exists staging.intermediate;
create table marts.liquidations_hourly (
    hour_at timestamp, venue varchar, base_asset varchar, long_usd decimal(38, 4),
    short_usd decimal(38, 4), events bigint, is_lower_bound boolean, available_at timestamp
);
create table marts.venue_coverage_hourly (
    hour_at timestamp, venue varchar, publication_rule varchar, is_covered boolean,
    is_complete boolean, is_lower_bound boolean, available_at timestamp
);
create table staging.intermediate.int_hidden_liquidations_hourly (
    hour_at timestamp, venue varchar, base_asset varchar,
    {", ".join(f"{name} {kind}" for name, kind in COLUMNS)}, available_at timestamp
);
create table staging.intermediate.int_expected_venues (
    venue varchar, base_asset varchar, expected_from timestamp, expected_to timestamp
);
create table staging.intermediate.int_asset_coverage_windows (
    hour_at timestamp, base_asset varchar,
    {", ".join(f"complete_hours_{h}h integer, is_lower_bound_{h}h boolean" for h in WINDOWS)},
    {", ".join(f"available_at_{h}h timestamp" for h in WINDOWS)}
);
"""


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    home = Home(tmp_path_factory.mktemp("home"))
    with staging_state(home):
        pass
    with open_warehouse(home) as connection:
        connection.execute(PARENTS)
        for venue, rule in RULES.items():
            connection.execute(
                "insert into marts.liquidations_hourly values (?, ?, 'BTC', ?, 0, 1, ?, null)",
                [HOUR, venue, LONG_USD[venue], rule != "full"],
            )
            connection.execute(
                "insert into marts.venue_coverage_hourly values (?, ?, ?, true, true, ?, null)",
                [HOUR, venue, rule, rule != "full"],
            )
            connection.execute(
                "insert into staging.intermediate.int_expected_venues"
                " values (?, 'BTC', timestamp '2020-01-01', timestamp '9999-12-31')",
                [venue],
            )
        for venue, moments in HIDDEN.items():
            sides = ("total", "long")
            stated = {f"{side}_{name}": one for side in sides for name, one in moments.items()}
            connection.execute(
                "insert into staging.intermediate.int_hidden_liquidations_hourly"
                f" values (?, ?, 'BTC'{', ?' * len(COLUMNS)}, null)",
                [HOUR, venue, *(stated.get(name, 0) for name, _ in COLUMNS)],
            )
        connection.execute(
            "insert into staging.intermediate.int_asset_coverage_windows"
            " select ?, unnest(['BTC', 'ALL']), 1, true, 1, true, 1, true, 1, true,"
            " null, null, null, null",
            [HOUR],
        )
    plan(home, [HOUR], [HOUR])
    run_dbt(home, ["run", "--select", "exchange_breakdown"])
    with open_warehouse(home) as connection:
        yield connection


def row(warehouse: duckdb.DuckDBPyConnection, venue: str, *columns: str) -> list[Any]:
    """These columns of a venue's row of BTC in the last hour; numbers as floats."""
    [found] = warehouse.execute(
        f"select {', '.join(columns)} from marts.exchange_breakdown"
        " where window_hours = 1 and base_asset = 'BTC' and venue = ?",
        [venue],
    ).fetchall()
    return [one if one is None or isinstance(one, bool) else float(one) for one in found]


ENDS = ("total_usd", "total_usd_low", "total_usd_mid", "total_usd_high", "has_unestimated_part")
ESTIMATED = tuple(f"estimated_total_usd{end}" for end in ("", "_low", "_mid", "_high"))


def test_a_venue_carries_what_it_published_and_the_interval_of_the_truth(warehouse) -> None:
    low, high = 1_000 + HIDDEN_LOW, 1_000 + HIDDEN_HIGH
    assert row(warehouse, "binance", *ENDS) == [1_000, low, 2_000, high, False]
    of_longs = [one.replace("total", "long") for one in ENDS[:4]]
    assert row(warehouse, "binance", *of_longs) == [1_000, low, 2_000, high]
    assert row(warehouse, "hyperliquid", *ENDS) == [3_000, 3_000, 3_000, 3_000, False]


def test_what_has_no_estimate_enters_as_published_and_has_no_upper_end(warehouse) -> None:
    assert row(warehouse, "htx", *ENDS) == [500, 500, 500, None, True]
    assert row(warehouse, "htx", *ESTIMATED) == [0, 0, 0, 0]


def test_all_venues_have_an_interval_of_the_estimated_parts_alone(warehouse) -> None:
    assert row(warehouse, "ALL", *ENDS) == [4_510, 4_510 + HIDDEN_LOW, 5_510, None, True]
    low, high = 4_010 + HIDDEN_LOW, 4_010 + HIDDEN_HIGH
    assert row(warehouse, "ALL", *ESTIMATED) == [4_010, low, 5_010, high]


def test_shares_follow_by_the_delta_method(warehouse) -> None:
    # 2,000 of 5,510 is s = 0.362976. Its variance: (1 - s)^2 1000^2 + (5% of (1 - s) 1000)^2; the
    # root 637.82, times 1.6448536 over 5,510, is 0.190402. HTX may hide any amount: no lower end.
    assert row(warehouse, "binance", "share_low", "share_mid", "share_high") == pytest.approx(
        [None, 0.362976, 0.553378], abs=2e-6
    )
    # Of the estimated parts, 2,000 of 5,010 is 0.399202; 1.6448536 x 601.549 / 5,010 = 0.197497.
    columns = [f"estimated_share_{end}" for end in ("low", "mid", "high")]
    assert row(warehouse, "binance", *columns) == pytest.approx(
        [0.201705, 0.399202, 0.596699], abs=2e-6
    )
    # s = 0.090744 of 5,510; the rest varies: s^2 1000^2 + (5% of s 1000)^2.
    assert row(warehouse, "htx", "share_low", "share_mid", "share_high") == pytest.approx(
        [0.063622, 0.090744, None], abs=2e-6
    )


def test_ranks_are_open_where_intervals_overlap_and_unknown_rules_have_none(warehouse) -> None:
    ranks = {
        venue: row(warehouse, venue, "venue_rank", "is_ranking_open") for venue in (*RULES, "ALL")
    }
    # Hyperliquid's 3,000 lie within Binance's 1,180 to 3,781.
    assert ranks == {
        "hyperliquid": [1, True],
        "binance": [2, True],
        "deribit": [3, False],
        "htx": [None, None],
        "ALL": [None, None],
    }
