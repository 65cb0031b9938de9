"""Episodes and the classification of unwinding, over hand-made upstream tables.

14 days of a few assets, each for one test; `h` counts hours from FIRST_HOUR.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

import duckdb
import pytest

from unwind.settings import Home
from unwind.warehouse.dbt import run_dbt
from unwind.warehouse.hidden_liquidations import COLUMNS
from unwind.warehouse.state import staging_state

FIRST_HOUR = datetime.fromisoformat("2026-01-01")  # naive UTC, as in the warehouse
HOURS = 14 * 24
LAST = HOURS - 1
MODELS = (
    *("int_liquidation_thresholds_daily", "int_liquidation_episodes"),
    *("int_liquidation_episode_events", "int_liquidation_episode_fits"),
    *("unwind_classification", "liquidation_episodes"),
)
COMPARED = (
    *("staging.intermediate.int_liquidation_thresholds_daily",),
    *("staging.intermediate.int_liquidation_episodes",),
    *("marts.unwind_classification", "marts.liquidation_episodes"),
)

# Forced closes: asset, time, venue, side, dollars. {visible} filters the hours of all tables.
# wave     two episodes on 10 January, 16 minutes apart
# night    one episode across midnight, with 14 quiet minutes between its minutes
# endless  a minute over the floor every ten from 8 January on, a larger one on 10 January at 05:00
# begun    one that is open when the warehouse ends
# many     60 longs in 20 minutes, two of which are fills of one order
# stages   three waves within a week
LISTED = """
    ('wave', '2026-01-10 12:00:05', 'gate', 'long', 12000),
    ('wave', '2026-01-10 12:00:06', 'okx', 'long', 8000),
    ('wave', '2026-01-10 12:05:00', 'gate', 'long', 100000),
    ('wave', '2026-01-10 12:06:00', 'gate', 'long', 40000),
    ('wave', '2026-01-10 12:07:00', 'gate', 'long', 20000),
    ('wave', '2026-01-10 12:08:00', 'okx', 'short', 5000),
    ('wave', '2026-01-10 12:10:00', 'gate', 'long', 5000),
    ('wave', '2026-01-10 12:20:00', 'gate', 'long', 15000),
    ('wave', '2026-01-10 12:36:00', 'gate', 'long', 11000),
    ('night', '2026-01-10 23:50:00', 'gate', 'long', 9000),
    ('night', '2026-01-10 23:50:00', 'okx', 'long', 6000),
    ('night', '2026-01-11 00:05:00', 'gate', 'long', 11000),
    ('night', '2026-01-11 00:20:00', 'gate', 'long', 11000),
    ('endless', '2026-01-10 05:00:00', 'gate', 'long', 19000),
    ('begun', '2026-01-14 23:50:00', 'gate', 'long', 50000),
    ('stages', '2026-01-09 10:00:00', 'gate', 'long', 50000),
    ('stages', '2026-01-11 10:00:00', 'gate', 'long', 50000),
    ('stages', '2026-01-13 10:00:00', 'gate', 'long', 50000),
"""
ASSETS = (
    *("wave", "night", "endless", "begun", "many", "stages"),
    *("capitulates", "leaves", "quits", "unknown", "calm"),
)
HIDDEN = ", ".join(f"{name} {kind}" for name, kind in COLUMNS)
UPSTREAM = f"""
create schema if not exists staging.intermediate;
create schema if not exists warehouse.marts;

create or replace temp table grid as
select h::integer as h, timestamp '2026-01-01' + to_hours(h::integer) as hour_at, base_asset
from range({HOURS}) as hours(h)
cross join (select unnest({list(ASSETS)}) as base_asset);

create or replace temp table forced as
select
    base_asset, event_at::timestamp as event_at, venue, liquidated_side,
    usd::decimal(38, 4) as notional_usd, uuid() as liquidation_id, null::varchar as order_id
from (values {LISTED.rstrip().rstrip(",")})
    as listed(base_asset, event_at, venue, liquidated_side, usd)
union all
select
    'endless', timestamp '2026-01-08' + to_minutes(10 * n::integer), 'gate', 'long', 11000,
    uuid(), null
from range(7 * 144) as minutes(n)
union all
select
    'many', timestamp '2026-01-12 09:00' + to_milliseconds(n * 20000 + hash(n) % 3000), 'gate',
    'long', 12000, uuid(), if(n in (20, 21), 'one', null)
from range(60) as events(n);

create or replace table warehouse.marts.fct_liquidations as
select
    *, order_id as liquidation_order_id, 'liquidation' as event_kind,
    date_trunc('hour', event_at) as hour_at
from forced
where {{visible}};

create or replace table warehouse.marts.liquidations_minutely as
select
    date_trunc('minute', event_at) as minute_at,
    hour_at,
    venue,
    base_asset,
    coalesce(sum(notional_usd) filter (where liquidated_side = 'long'), 0)::decimal(38, 4)
        as long_usd,
    coalesce(sum(notional_usd) filter (where liquidated_side = 'short'), 0)::decimal(38, 4)
        as short_usd,
    sum(notional_usd)::decimal(38, 4) as total_usd,
    count(*) filter (where liquidated_side = 'long') as long_events,
    count(*) filter (where liquidated_side = 'short') as short_events,
    venue = 'okx' as is_lower_bound,
from warehouse.marts.fct_liquidations
group by all;

-- What leaves has forced 40 dollars in each hour; the other marts need none by hour.
create or replace table warehouse.marts.liquidations_hourly as
select hour_at, 'gate' as venue, base_asset, 40::decimal(38, 4) as total_usd,
from grid where base_asset = 'leaves' and {{visible}};

create or replace table staging.intermediate.int_hidden_liquidations_minutely (
    minute_at timestamp, hour_at timestamp, venue varchar, base_asset varchar, {HIDDEN}
);
create or replace table staging.intermediate.int_hidden_liquidations_hourly (
    hour_at timestamp, venue varchar, base_asset varchar, {HIDDEN}
);
insert into staging.intermediate.int_hidden_liquidations_minutely by name
select
    timestamp '2026-01-10 12:00' as minute_at, timestamp '2026-01-10 12:00' as hour_at,
    'okx' as venue, 'wave' as base_asset, 10 as long_hidden_events,
    4 as long_hidden_events_variance,
    10000 as long_hidden_usd, 1000000 as long_hidden_usd_variance,
    1 as long_estimated_channel_hours;
insert into staging.intermediate.int_hidden_liquidations_hourly by name
select hour_at, venue, base_asset, 4 as long_hidden_events_variance,
    1000000 as long_hidden_usd_variance
from staging.intermediate.int_hidden_liquidations_minutely;

create or replace table staging.intermediate.int_asset_coverage_hourly as
select hour_at, base_asset, 2 as venues_covered,
    not (base_asset = 'night' and hour_at = timestamp '2026-01-11') as is_complete,
from grid where {{visible}}
union all
select distinct hour_at, 'ALL', 2, true from grid where {{visible}};

create or replace table staging.intermediate.int_tracked_assets_hourly as
select hour_at, base_asset from grid where {{visible}};

-- Contracts fall by 5% in each hour that has an event of wave or stages. Of one instrument only the
-- starts are known.
create or replace table staging.intermediate.int_instrument_open_interest_hourly as
select
    hour_at, venue, venue || '-perp' as instrument, base_asset,
    100.0::double as oi_start_base,
    case
        when base_asset in ('wave', 'stages') then 95 when base_asset in ('leaves', 'quits') then 88
        else 100
    end::double as oi_end_base,
    1000.0::double as oi_start_usd,
from grid cross join (select unnest(['gate', 'okx']) as venue) where {{visible}}
union all
select hour_at, 'htx', 'htx-perp', base_asset, 50.0, null, 500.0 from grid where {{visible}};

create or replace table staging.intermediate.int_asset_prices_hourly as
select
    hour_at, base_asset, 100.0::double as open_usd,
    if(
        base_asset in ('wave', 'capitulates', 'unknown') and hour_at::date != '2026-01-11',
        90.0, 100.0
    )::double as low_usd,
    if(base_asset = 'wave', 94.0, 100.0)::double as close_usd,
from grid where {{visible}};

-- A hundredth an hour is 4.9% a day. The 30 days before the last hour are known in full.
create or replace table staging.intermediate.int_price_windows_hourly as
select
    hour_at, base_asset,
    if(base_asset in ('capitulates', 'unknown'), 0.005, 0.01)::double as log_return,
    if(base_asset in ('capitulates', 'unknown'), 90.0, 100.0)::double as low_24h_usd,
from (
    select * from grid
    union all
    select h - {HOURS}, hour_at - interval {HOURS} hour, base_asset from grid
) where {{visible}};

create or replace table warehouse.marts.leverage_hourly as
select
    hour_at, base_asset,
    case base_asset
        when 'capitulates' then -0.15
        when 'leaves' then -0.12
        when 'quits' then -0.12
        when 'stages' then -0.05
        when 'calm' then 0.01
        when 'unknown' then null
        else -0.05
    end::double as oi_change_24h_share,
from grid where {{visible}}
union all
select distinct hour_at, 'ALL', -0.12 from grid where {{visible}};

create or replace table staging.intermediate.int_asset_open_interest_changes_hourly as
select hour_at, base_asset, 100000::decimal(38, 4) as matched_start_24h_usd,
from grid where {{visible}};

-- Sixty of a hundred dollars in one hour of each day, or as many in each.
create or replace table warehouse.marts.liquidation_imbalance_hourly as
select
    hour_at, base_asset,
    case
        when base_asset in ('calm', 'quits') then 0
        when base_asset in ('capitulates', 'unknown')
            then case h % 24 when 5 then 60 when 6 then 40 else 0 end
        else 10
    end::decimal(38, 4) as long_1h_usd,
    if(base_asset in ('calm', 'quits'), 0, 1)::decimal(38, 4) as long_24h_usd,
    0::decimal(38, 4) as short_24h_usd,
from (select hour_at, h, base_asset from grid union all select distinct hour_at, h, 'ALL' from grid)
where {{visible}};
"""
READ = (
    *("warehouse.marts.liquidations_minutely", "warehouse.marts.liquidations_hourly"),
    *("warehouse.marts.leverage_hourly", "warehouse.marts.liquidation_imbalance_hourly"),
    *("staging.intermediate.int_hidden_liquidations_minutely",),
    *("staging.intermediate.int_hidden_liquidations_hourly",),
    *("staging.intermediate.int_asset_coverage_hourly",),
    *("staging.intermediate.int_tracked_assets_hourly",),
    *("staging.intermediate.int_instrument_open_interest_hourly",),
    *("staging.intermediate.int_asset_prices_hourly",),
    *("staging.intermediate.int_price_windows_hourly",),
)
SEALED = """
alter table {table} add column available_at timestamp;
update {table} set available_at = hour_at + interval 65 minute;
"""


def hour(h: int) -> datetime:
    return FIRST_HOUR + timedelta(hours=h)


def open_warehouse(home: Home) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(str(home.warehouse_db))
    connection.execute(f"attach '{home.staging_db}' as staging")
    return connection


def land(home: Home, visible: str) -> None:
    """Makes the upstream tables of the hours that a condition on hour_at selects."""
    with staging_state(home):
        pass
    with duckdb.connect() as connection:
        connection.execute(f"attach '{home.warehouse_db}' as warehouse")
        connection.execute(f"attach '{home.staging_db}' as staging")
        connection.execute(UPSTREAM.replace("{visible}", visible))
        for table in READ:
            connection.execute(SEALED.format(table=table))


def build(home: Home, spine: int, pending: Iterable[int], *arguments: str) -> None:
    """Builds the pending hours of a spine of so many hours, as a refresh does."""
    with staging_state(home) as connection:
        for table, hours in (("ops.hours", range(spine)), ("ops.pending_hours", pending)):
            connection.execute(f"delete from {table}")
            connection.executemany(f"insert into {table} values (?)", [[hour(h)] for h in hours])
    run_dbt(home, ["build", "--resource-type=model", *arguments, "--select", *MODELS])


@pytest.fixture(scope="module")
def full_build(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("full"))
    land(home, "true")
    build(home, HOURS, range(HOURS))
    return home


@pytest.fixture(scope="module")
def warehouse(full_build: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_warehouse(full_build) as connection:
        yield connection


def episodes(
    warehouse: duckdb.DuckDBPyConnection, base_asset: str, columns: str
) -> list[tuple[Any, ...]]:
    return warehouse.execute(
        f"select {columns} from marts.liquidation_episodes where base_asset = ?"
        " order by started_at",
        [base_asset],
    ).fetchall()


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-01-{text}")


def test_thresholds_are_those_computed_by_hand(full_build: Home) -> None:
    """The unit test in the model's yml."""
    run_dbt(full_build, ["test", "--select", "int_liquidation_thresholds_daily,test_type:unit"])


def test_an_episode_lasts_until_fifteen_quiet_minutes(warehouse) -> None:
    # Of 14 or 15 minutes between 12:20 and 12:36, 15 are quiet: the second is one of its own.
    columns = "started_at, ended_at, closed_at, is_open, is_cut, open_threshold_usd"
    assert episodes(warehouse, "wave", columns) == [
        (at("10 12:00"), at("10 12:21"), at("10 12:36"), False, False, 10_000),
        (at("10 12:36"), at("10 12:37"), at("10 12:52"), False, False, 10_000),
    ]
    columns = "started_at, ended_at, closed_at, long_usd, is_incomplete"
    assert episodes(warehouse, "night", columns) == [
        (at("10 23:50"), at("11 00:21"), at("11 00:36"), 37_000, True)
    ]


def test_an_episodes_figures_are_those_of_its_minutes(warehouse) -> None:
    # Longs 20,000 + 100,000 + 40,000 + 20,000 + 5,000 + 15,000. After the peak 80,000, of which the
    # next minute has 40,000.
    columns = (
        "long_usd, short_usd, total_usd, long_usd_mid, long_events, short_events, long_venues,"
        " peak_minute_at, peak_minute_share, top_10_minutes_share, half_life_minutes, first_mover,"
        " first_mover_lead_seconds, is_lower_bound, is_incomplete"
    )
    first, second = episodes(warehouse, "wave", columns)
    assert first == (
        *(200_000, 5_000, 205_000, 210_000, 7, 1, 2),
        *(at("10 12:05"), 0.5, 1, 1, "gate", 1, True, False),
    )
    assert second[:7] == (11_000, 0, 11_000, 11_000, 1, 0, 1)
    assert second[8:13] == (1, 1, None, "gate", None)
    # Of one standard deviation of 1,000 and 10,000 hidden: exp(+-1.645 x 0.09975) / 1.00499.
    low, high = episodes(warehouse, "wave", "long_usd_low, long_usd_high")[0]
    assert float(low) == pytest.approx(208_444.6, abs=1)
    assert float(high) == pytest.approx(211_724.0, abs=1)
    # Two venues share the first second.
    assert episodes(warehouse, "night", "first_mover, first_mover_lead_seconds") == [(None, None)]


def test_open_interest_prices_and_recovery_are_of_whole_hours(warehouse) -> None:
    # 200 coins of the two instruments known at both ends become 190. From 100 to 90, and 94 a day
    # after the end of 12:00 to 13:00.
    columns = (
        "oi_start_base, oi_end_base, oi_instruments, oi_change_share, start_price_usd,"
        " low_price_usd, drawdown_share, recovery_24h, confirmed_at, hour_at"
    )
    assert episodes(warehouse, "wave", columns)[0] == (
        *(200, 190, 2, -0.05, 100, 90, 0.1, 0.4),
        *(at("11 13:00"), at("11 12:00")),
    )


def test_an_endless_episode_is_cut_at_midnight(warehouse) -> None:
    # From 8 January on, 48 hours before the midnight of the 10th. That day's 99th percentile is
    # 11,000 (216 hours: the 130th largest of 288), so that only 05:00 opens another, cut as well.
    columns = "started_at, ended_at, closed_at, is_cut, open_threshold_usd, close_threshold_usd"
    assert episodes(warehouse, "endless", columns) == [
        (at("08"), at("09 23:51"), at("10"), True, 10_000, 10_000),
        (at("10 05:00"), at("10 23:51"), at("11"), True, 11_000, 10_000),
    ]


def test_an_open_episode_has_no_end(warehouse) -> None:
    columns = "hour_at, started_at, ended_at, closed_at, is_open, long_usd, confirmed_at, as_of_at"
    assert episodes(warehouse, "begun", columns) == [
        (at("14 23:00"), at("14 23:50"), None, None, True, 50_000, None, at("15"))
    ]


def test_a_hawkes_process_is_fitted_to_fifty_events(warehouse) -> None:
    columns = (
        "fitted_events, branching_ratio_low, branching_ratio, branching_ratio_high, ks_p_value"
    )
    ((events, low, ratio, high, p_value),) = episodes(warehouse, "many", columns)
    # Two of the 60 are fills of one order; 20 seconds apart, they are anything but clustered.
    assert events == 59
    assert low == 0
    assert low <= ratio <= high < 1
    assert 0 <= p_value <= 1
    assert {row[0] for row in episodes(warehouse, "wave", "fitted_events")} == {None}


def unwinding(
    warehouse: duckdb.DuckDBPyConnection, base_asset: str, columns: str
) -> tuple[Any, ...] | None:
    return warehouse.execute(
        f"select {columns} from marts.unwind_classification where base_asset = ? and hour_at = ?",
        [base_asset, hour(LAST)],
    ).fetchone()


def test_classes_follow_from_the_rules_in_their_order(warehouse) -> None:
    columns = "unwind_class, deciding_rule, oi_change_24h_share, peak_hour_share"
    # 0.005 an hour is 0.0245 a day, three times which is 0.0735; the price fell by 0.1.
    assert unwinding(
        warehouse, "capitulates", f"{columns}, drawdown_24h_share, daily_volatility_30d"
    ) == ("capitulation", "capitulation", -0.15, 0.6, 0.1, 0.02449490)
    assert unwinding(
        warehouse,
        "stages",
        f"{columns}, episodes_7d, stages_7d, unknown_oi_episodes_7d,"
        " smallest_episode_oi_change_share",
    ) == ("staged", "staged", -0.05, 0.041667, 3, 3, 0, -0.05)
    # 24 hours of 40 dollars over 12% of 100,000.
    assert unwinding(
        warehouse,
        "leaves",
        f"{columns}, oi_fall_24h_usd, forced_24h_usd, forced_ratio, forced_ratio_high",
    ) == ("voluntary", "voluntary", -0.12, 0.041667, 12_000, 960, 0.08, 0.08)
    # As much left, and it is known that nothing was forced.
    assert unwinding(warehouse, "quits", f"{columns}, forced_24h_usd, forced_ratio_high") == (
        *("voluntary", "voluntary", -0.12, None, 0, 0),
    )
    # Nothing was forced: there is no peak hour, and open interest did not fall.
    assert unwinding(warehouse, "calm", f"{columns}, oi_fall_24h_usd, forced_ratio") == (
        "mixed",
        "none_holds",
        0.01,
        None,
        None,
        None,
    )
    # Peak hour and fall are those of a capitulation, if open interest was.
    assert unwinding(warehouse, "unknown", f"{columns}, is_staged, is_voluntary") == (
        *(None, "capitulation_unknown", None, 0.6, False, None),
    )


def test_the_market_as_a_whole_has_episodes_and_a_class(warehouse) -> None:
    # From the 8th on, endless never pauses for 15 minutes: each midnight from the 10th on cuts, the
    # last one what begun has opened. On
    # the 10th it has 114 minutes from 05:00 on and 19,000 more, wave 211,000 and night 15,000.
    # Of 11 assets with as many dollars of open interest two lost 5% and two 12%.
    columns = (
        "started_at, ended_at, is_cut, open_threshold_usd, long_usd, long_events, oi_start_base,"
        " oi_change_share, low_price_usd, recovery_24h, fitted_events"
    )
    assert episodes(warehouse, "ALL", columns)[1] == (
        *(at("10 05:00"), at("10 23:51"), True, 11_000, 1_499_000, 125, None),
        *(-0.03090909, None, None, None),
    )
    assert [row[0] for row in episodes(warehouse, "ALL", "started_at")] == [
        *(at("08"), at("10 05:00"), at("11 00:20"), at("12 09:00"), at("13 10:00")),
        at("14 23:50"),
    ]
    # 12% of the ten assets whose change is known, of 100,000 each; 24 hours of 40 dollars.
    assert unwinding(
        warehouse,
        "ALL",
        "unwind_class, episodes_7d, stages_7d, oi_fall_24h_usd, forced_24h_usd, forced_ratio,"
        " peak_hour_share, drawdown_24h_share",
    ) == ("staged", 6, 6, 120_000, 960, 0.008, 0.041667, None)


def test_an_episode_has_the_class_of_its_closing_hour(warehouse) -> None:
    assert episodes(warehouse, "stages", "unwind_class") == [("mixed",), ("mixed",), ("staged",)]
    assert episodes(warehouse, "begun", "unwind_class, deciding_rule") == [(None, None)]


def test_a_row_is_as_late_as_the_latest_batch_that_it_stands_on(
    warehouse: duckdb.DuckDBPyConnection, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # Every hour is sealed five minutes after its end: a row stands on the one that it is under, but
    # for those of ALL, which read no price of the day after.
    for mart in ("liquidation_episodes", "unwind_classification"):
        others = (
            f"select count(*) filter (where available_at != hour_at + interval 65 minute), count(*)"
            f" from marts.{mart} where base_asset != 'ALL'"
        )
        late, rows = warehouse.execute(others).fetchone() or (0, 0)
        assert late == 0
        assert rows

    home = Home(tmp_path_factory.mktemp("late"))
    land(home, "true")
    intermediate = "staging.intermediate"
    resealed = {
        # Behind the thresholds of every day from the 8th on.
        ("stages", "03 05:00"): f"{intermediate}.int_asset_coverage_hourly",
        # The pause after the first episode, and the second one.
        ("wave", "10 12:00"): "marts.liquidations_minutely",
        # The 24th hour after the episode's last.
        ("many", "13 09:00"): f"{intermediate}.int_asset_prices_hourly",
        # The hour after its last minute: nothing that has closed stands on it.
        ("night", "11 01:00"): f"{intermediate}.int_asset_coverage_hourly",
        # Of an hour before the trailing day, yet of a week in which there was no episode.
        ("calm", "09 05:00"): "marts.liquidation_imbalance_hourly",
    }
    with open_warehouse(home) as connection:
        for (base_asset, text), table in resealed.items():
            connection.execute(
                f"update {table} set available_at = timestamp '2026-02-01'"
                " where base_asset = ? and hour_at = ?",
                [base_asset, at(text)],
            )
    build(home, HOURS, range(HOURS))
    with open_warehouse(home) as resealed_warehouse:
        assert resealed_warehouse.execute(
            "select base_asset, started_at from marts.liquidation_episodes"
            " where available_at = timestamp '2026-02-01' and base_asset != 'ALL' order by all"
        ).fetchall() == [
            ("many", at("12 09:00")),
            ("stages", at("09 10:00")),
            ("stages", at("11 10:00")),
            ("stages", at("13 10:00")),
            ("wave", at("10 12:00")),
            ("wave", at("10 12:36")),
        ]
        # The price of 13 January, 09:00, is where the 24 hours begin that end with the 14th, 08:00.
        # The covered hours of the 11th are behind night's thresholds from the 12th on.
        # Wave has its two episodes in its week from 12:00 on.
        assert resealed_warehouse.execute(
            "select base_asset, min(hour_at), max(hour_at) from marts.unwind_classification"
            " where available_at = timestamp '2026-02-01' and base_asset != 'ALL'"
            " group by all order by all"
        ).fetchall() == [
            ("calm", at("09 05:00"), hour(LAST)),
            ("many", at("14 08:00"), at("14 08:00")),
            ("night", at("12"), hour(LAST)),
            ("stages", at("08"), hour(LAST)),
            ("wave", at("10 12:00"), hour(LAST)),
        ]


LATE = 225  # 10 January, 09:00: endless has minutes in it


@pytest.fixture(scope="module")
def built_in_steps(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Builds hours until an episode is open, then hour by hour, the rest, and a late hour."""
    home = Home(tmp_path_factory.mktemp("steps"))
    late = f"hour_at != timestamp '{hour(LATE)}'"
    land(home, f"hour_at < timestamp '{hour(239)}' and {late}")
    build(home, 239, [h for h in range(239) if h != LATE])
    for spine in (240, 241, 242, HOURS):
        land(home, f"hour_at < timestamp '{hour(spine)}' and {late}")
        first = {240: 238, 241: 239, 242: 240, HOURS: 241}[spine]
        build(home, spine, range(first, spine))
    land(home, "true")
    build(home, HOURS, [LATE - 1, LATE])
    return home


@pytest.mark.parametrize("table", COMPARED)
def test_increments_with_a_late_hour_equal_a_full_build(
    warehouse: duckdb.DuckDBPyConnection, built_in_steps: Home, table: str
) -> None:
    full = warehouse.execute(f"select * from {table} order by all").fetchall()
    with open_warehouse(built_in_steps) as stepped:
        assert stepped.execute(f"select * from {table} order by all").fetchall() == full
    assert full


def test_nothing_looks_ahead(
    warehouse: duckdb.DuckDBPyConnection, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Everything from 11 January, 13:00, on is another: rows of earlier hours are the same."""
    home = Home(tmp_path_factory.mktemp("corrupted"))
    land(home, "true")
    cut = f"hour_at >= timestamp '{at('11 13:00')}'"
    with open_warehouse(home) as connection:
        for change in (
            f"update marts.liquidations_minutely set long_usd = 7 * long_usd + 90000 where {cut}",
            f"update marts.fct_liquidations set event_at = hour_at where {cut}",
            f"update marts.leverage_hourly set oi_change_24h_share = -0.5 where {cut}",
            f"update marts.liquidation_imbalance_hourly set long_1h_usd = 1e6 where {cut}",
            f"update staging.intermediate.int_asset_prices_hourly set close_usd = 1 where {cut}",
            "update staging.intermediate.int_instrument_open_interest_hourly"
            f" set oi_end_base = 1 where {cut}",
        ):
            connection.execute(change)
    build(home, HOURS, range(HOURS))
    with open_warehouse(home) as corrupted:
        for table in COMPARED:
            query = f"select * from {table} where hour_at < ? order by all"
            expected = warehouse.execute(query, [at("11 13:00")]).fetchall()
            assert expected
            assert corrupted.execute(query, [at("11 13:00")]).fetchall() == expected, table
        # What had begun by then has the same start and thresholds.
        query = (
            "select base_asset, started_at, open_threshold_usd from marts.liquidation_episodes"
            " where started_at < ? order by all"
        )
        expected = warehouse.execute(query, [at("11 13:00")]).fetchall()
        assert corrupted.execute(query, [at("11 13:00")]).fetchall() == expected
        changed = "select * from marts.liquidation_episodes where hour_at >= ? order by all"
        assert (
            corrupted.execute(changed, [at("12")]).fetchall()
            != warehouse.execute(changed, [at("12")]).fetchall()
        )
