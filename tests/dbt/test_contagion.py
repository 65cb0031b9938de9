"""Who liquidates first (contagion_hourly), over hand-made facts.

`h` counts hours from FIRST_HOUR. Each asset is for one test; it liquidates longs, in one hour.

bursts    h = 0: five bursts on gate, deribit and okx, which publishes one liquidation per second
led       h = 1: deribit two seconds after gate, 40 times; okx one second after deribit
even      h = 1: deribit a second after gate and a second before it, in turn
few       h = 1: 20 seconds on both venues, far apart
received  h = 2: gate, and bitmex by our clock
coarse    h = 2: gate, and bitfinex in seconds that are multiples of five
hidden    h = 2: gate, and htx, whose rule is not known
imported  h = 2: gate, and kraken_futures, of which nothing has landed
ghost     h = 2: gate and deribit; not tracked
late      h = 3: gate and deribit
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

import duckdb
import pytest
from tests.dbt.test_liquidation_map import contents, open_warehouse

from unwind.estimates import lead_lag
from unwind.settings import Home
from unwind.warehouse.dbt import run_dbt
from unwind.warehouse.models import variables
from unwind.warehouse.state import staging_state

FIRST_HOUR = datetime.fromisoformat("2026-01-01")  # naive UTC, as in the warehouse
HOURS = 4
MODELS = ("int_liquidation_seconds", "int_liquidation_lead_lags", "contagion_hourly")
FULL = ("gate", "deribit", "kraken_futures", "bitfinex", "bitmex")
HIDING = {"okx": "one_per_symbol_second_latest", "htx": "unknown"}

# Forty seconds in as many blocks of half a minute, at least 66 seconds apart.
LEADING = [90 * n + 7 * n * n % 25 for n in range(40)]


def tape() -> list[tuple[str, int, str, float]]:
    """Liquidations: asset, hour, venue, second of the hour."""
    bursts = {
        "gate": [3, 100.0, 101.5, 124, 125, 126, 200.9, 300, 400],
        "deribit": [4, 102.9, 112.5, 123, 200.1, 405],
        "okx": [401],
    }
    led = {
        "gate": LEADING,
        "deribit": [second + 2 for second in LEADING],
        "okx": [second + 3 for second in LEADING],
    }
    even = {
        "gate": LEADING,
        "deribit": [second + (1 if n % 2 else -1) for n, second in enumerate(LEADING, 1)],
    }
    fives = [second - second % 5 for second in LEADING]
    seconds: list[tuple[str, int, dict[str, Any]]] = [
        ("bursts", 0, bursts),
        ("led", 1, led),
        ("even", 1, even),
        ("few", 1, {"gate": [150 * n for n in range(20)], "deribit": range(75, 3075, 150)}),
        ("received", 2, {"gate": LEADING, "bitmex": LEADING}),
        ("coarse", 2, {"gate": LEADING, "bitfinex": fives}),
        ("hidden", 2, {"gate": LEADING, "htx": LEADING}),
        ("imported", 2, {"gate": LEADING, "kraken_futures": [one + 2 for one in LEADING]}),
        ("ghost", 2, {"gate": [30], "deribit": [31]}),
        ("late", 3, {"gate": [30, 40], "deribit": [31]}),
    ]
    return [
        (asset, h, venue, second)
        for asset, h, venues in seconds
        for venue, of_venue in venues.items()
        for second in of_venue
    ]


UPSTREAM = """
create schema if not exists staging.intermediate;
create schema if not exists warehouse.marts;

create or replace table warehouse.marts.fct_liquidations as
select
    timestamp '2026-01-01' + to_hours(h) as hour_at,
    hour_at + to_milliseconds((second * 1000)::bigint) as event_at,
    base_asset, venue, liquidated_side, 'liquidation' as event_kind,
    100::decimal(38, 4) as notional_usd,
    if(venue = 'bitmex', 'receive', 'venue') as event_at_source,
    hour_at + interval 65 minute as available_at
from (
    select *, 'long' as liquidated_side from tape
    union all
    -- One venue's shorts have nobody to follow.
    select 'led', 1, 'gate', 5, 'short'
)
where {visible};
-- What never counts.
insert into warehouse.marts.fct_liquidations by name
select * replace ('adl' as event_kind, 'deribit' as venue)
from warehouse.marts.fct_liquidations where base_asset = 'received' and venue = 'gate';

create or replace table staging.intermediate.int_tracked_assets_hourly as
select distinct hour_at, base_asset, hour_at + interval 70 minute as available_at
from warehouse.marts.fct_liquidations where base_asset != 'ghost';

create or replace table staging.intermediate.int_venue_coverage_hourly as
select
    timestamp '2026-01-01' + to_hours(h::integer) as hour_at, venue,
    if(venue = 'kraken_futures', null, publication_rule) as publication_rule,
    venue != 'kraken_futures' as is_complete,
    hour_at + interval 66 minute as available_at
from range({HOURS}) as hours(h) cross join rules where {visible};

create or replace table warehouse.marts.dim_venues as
select
    venue, publication_rule, timestamp '1970-01-01' as valid_from, null::timestamp as valid_to
from rules;
"""


def hour(h: int) -> datetime:
    """An hour by its number."""
    return FIRST_HOUR + timedelta(hours=h)


def land(home: Home, hours: int) -> None:
    """Makes the upstream tables of the first hours."""
    with staging_state(home):
        pass
    with open_warehouse(home) as connection:
        connection.execute(
            "create or replace temp table tape"
            " (base_asset varchar, h integer, venue varchar, second double)"
        )
        connection.executemany("insert into tape values (?, ?, ?, ?)", tape())
        connection.execute(
            "create or replace temp table rules (venue varchar, publication_rule varchar)"
        )
        rules = [*((venue, "full") for venue in FULL), *HIDING.items()]
        connection.executemany("insert into rules values (?, ?)", rules)
        upstream = UPSTREAM.replace("{HOURS}", str(HOURS))
        connection.execute(upstream.replace("{visible}", f"h < {hours}"))


def build(home: Home, spine: int, pending: Iterable[int]) -> None:
    """Builds the pending hours of a spine of so many hours."""
    with staging_state(home) as connection:
        for table, hours in (("ops.hours", range(spine)), ("ops.pending_hours", pending)):
            connection.execute(f"delete from {table}")
            connection.executemany(f"insert into {table} values (?)", [[hour(h)] for h in hours])
    run_dbt(home, ["build", "--resource-type=model", "--select", *MODELS])


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """All hours, built at once."""
    home = Home(tmp_path_factory.mktemp("full"))
    land(home, HOURS)
    build(home, HOURS, range(HOURS))
    with open_warehouse(home) as connection:
        yield connection


def pair(
    warehouse: duckdb.DuckDBPyConnection,
    base_asset: str,
    venue: str,
    other_venue: str,
    columns: str,
) -> tuple[Any, ...]:
    """Columns of the one row of an asset and a direction."""
    [row] = warehouse.execute(
        f"select {columns} from marts.contagion_hourly"
        " where base_asset = ? and venue = ? and other_venue = ?",
        [base_asset, venue, other_venue],
    ).fetchall()
    return row


def test_who_was_first_in_each_burst(warehouse) -> None:
    # What begins at 3 may have begun before the hour. From 102 to 112 are ten seconds: one burst,
    # gate first, two of four seconds. From 112 to 123 are eleven: deribit first, gate has three of
    # four. Both are in second 200. 300 is gate's alone. At 400 gate is first, one of two.
    columns = (
        "shared_bursts, first_bursts, tied_bursts, first_mover_share, expected_first_mover_share,"
        " untested_reason"
    )
    assert pair(warehouse, "bursts", "gate", "deribit", columns) == (
        *(4, 2, 1, 0.666667),
        *(round((1 / 2 + 3 / 4 + 1 / 2) / 3, 6), "few_seconds"),
    )
    assert pair(warehouse, "bursts", "deribit", "gate", columns) == (
        *(4, 1, 1, 0.333333),
        *(round((1 / 2 + 1 / 4 + 1 / 2) / 3, 6), "few_seconds"),
    )


def test_one_second_is_a_tie_where_a_venue_publishes_one_per_second(warehouse) -> None:
    # okx is a second after gate, and four before deribit.
    columns = "shared_bursts, first_bursts, tied_bursts, first_mover_share, clock_allowance_seconds"
    assert pair(warehouse, "bursts", "gate", "okx", columns) == (1, 0, 1, None, 1)
    assert pair(warehouse, "bursts", "okx", "deribit", columns) == (1, 1, 0, 1, 1)


TEST = (
    "joint_pairs, lead_pairs, lag_pairs, unequal_blocks, lead_statistic, null_share_above,"
    " is_significant, peak_lag_seconds, untested_reason"
)


def test_a_lead_of_two_seconds_is_found(warehouse) -> None:
    # Of 40 blocks each has one pair, gate first: 40 / root 40. That takes 40 blocks alike; shifted
    # by whole blocks, seconds with other remainders do not meet.
    least = round(1 / 118, 6)
    assert pair(warehouse, "led", "gate", "deribit", f"{TEST}, lead_share, peak_correlation") == (
        *(40, 40, 0, 40, 6.324555, least, True, 2, None, 1, 1),
    )
    assert pair(warehouse, "led", "deribit", "gate", f"{TEST}, lead_share, peak_correlation") == (
        *(40, 0, 40, 40, -6.324555, 1, False, -2, None, 0, 1),
    )


def test_a_lead_has_to_be_longer_than_the_rule_of_publication_can_make_it(warehouse) -> None:
    # okx is three seconds after gate, two above the allowance; one after deribit, which is none.
    assert pair(warehouse, "led", "gate", "okx", TEST)[1:7] == (
        *(40, 0, 40, 6.324555, round(1 / 118, 6), True),
    )
    assert pair(warehouse, "led", "okx", "gate", TEST)[1:7] == (0, 40, 40, -6.324555, 1, False)
    assert pair(warehouse, "led", "deribit", "okx", TEST) == (
        *(40, 0, 0, 0, None, None, None, None, "few_blocks"),
    )


def test_as_many_leads_as_lags_are_none(warehouse) -> None:
    # The statistic is 0, which at least half of the shifts reach; 1 and -1 share the peak.
    *counted, share, is_significant, peak, reason = pair(warehouse, "even", "gate", "deribit", TEST)
    assert counted == [40, 20, 20, 40, 0]
    assert share > 0.4
    assert (is_significant, peak, reason) == (False, None, None)


def test_venues_that_never_meet_are_counted_and_not_tested(warehouse) -> None:
    # 75 seconds apart, with nothing in the hour's first ten seconds but gate's first.
    assert pair(warehouse, "few", "gate", "deribit", f"{TEST}, shared_bursts, active_seconds") == (
        *(0, 0, 0, 0, None, None, None, None, "few_blocks", 0, 20),
    )


@pytest.mark.parametrize(
    ("base_asset", "other_venue", "reason"),
    [
        ("received", "bitmex", "time_of_receipt"),
        ("coarse", "bitfinex", "coarse_clock"),
        ("hidden", "htx", "unknown_publication_rule"),
    ],
)
def test_venues_whose_clocks_cannot_be_compared_are_left_out_with_a_reason(
    warehouse, base_asset: str, other_venue: str, reason: str
) -> None:
    columns = f"{TEST}, shared_bursts, first_mover_share, active_seconds, other_events"
    found = pair(warehouse, base_asset, "gate", other_venue, columns)
    assert found == (*[None] * 8, reason, None, None, 40, 40)


def test_a_venue_without_landings_has_its_documented_rule_and_is_incomplete(warehouse) -> None:
    columns = "clock_allowance_seconds, is_incomplete, is_significant"
    assert pair(warehouse, "imported", "gate", "kraken_futures", columns) == (0, True, True)
    assert pair(warehouse, "led", "gate", "deribit", columns) == (0, False, True)


def test_rows_are_of_venues_that_both_liquidated_the_side_of_a_tracked_asset(warehouse) -> None:
    rows = warehouse.execute(
        "select base_asset, liquidated_side, count(*) from marts.contagion_hourly"
        " where hour_at in (?, ?) group by all order by all",
        [hour(1), hour(2)],
    ).fetchall()
    # ALL: gate, deribit and okx in the one hour; gate, bitmex, bitfinex, htx, kraken_futures and
    # deribit, which has the ghost alone, in the other.
    assert rows == [
        ("ALL", "long", 3 * 2 + 6 * 5),
        *((asset, "long", 2) for asset in ("coarse", "even", "few", "hidden", "imported")),
        ("led", "long", 3 * 2),
        ("received", "long", 2),
    ]


def test_all_has_every_liquidation_of_a_venue(warehouse) -> None:
    # led, even and few; of their seconds led and even share those of gate.
    [row] = warehouse.execute(
        "select events, liquidated_usd, active_seconds from marts.contagion_hourly"
        " where base_asset = 'ALL' and hour_at = ? and venue = 'gate' and other_venue = 'okx'",
        [hour(1)],
    ).fetchall()
    shared = len(set(LEADING) & {150 * n for n in range(20)})
    assert row == (100, 10_000, 40 + 20 - shared)


def test_rows_say_how_many_are_tested(warehouse) -> None:
    # All six directions but that from deribit to okx.
    assert pair(warehouse, "led", "gate", "okx", "tested_rows") == (5,)
    assert pair(warehouse, "few", "gate", "deribit", "tested_rows") == (0,)


def test_a_row_is_available_with_the_last_of_its_inputs(warehouse) -> None:
    # The asset's liquidations after 65 minutes, coverage after 66, and tracked after 70.
    columns = "date_diff('minute', hour_at, available_at), window_start_at, window_end_at, as_of_at"
    ends = (hour(1), hour(2), hour(2))
    assert pair(warehouse, "led", "gate", "okx", columns) == (70, *ends)
    found = warehouse.execute(
        "select distinct date_diff('minute', hour_at, available_at) from marts.contagion_hourly"
        " where base_asset = 'ALL'"
    ).fetchall()
    assert found == [(66,)]


def test_nothing_after_an_hour_changes_its_rows(warehouse, tmp_path_factory) -> None:
    """Hours that were built before the later ones landed are as those built with them."""
    home = Home(tmp_path_factory.mktemp("steps"))
    land(home, 2)
    build(home, 2, range(2))
    land(home, HOURS)
    build(home, HOURS, range(2, HOURS))
    with open_warehouse(home) as stepped:
        assert contents(stepped, "marts.contagion_hourly") == contents(
            warehouse, "marts.contagion_hourly"
        )


def test_the_lags_of_the_test_are_those_of_the_column(warehouse) -> None:
    assert variables()["contagion_max_lag_seconds"] == lead_lag.MAX_LAG_SECONDS
    assert pair(warehouse, "led", "gate", "okx", "max_lag_seconds") == (5,)
