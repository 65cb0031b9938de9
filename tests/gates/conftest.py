"""A small warehouse, made by hand, in which nothing is wrong; tests break one thing of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from unwind.settings import Home
from unwind.warehouse import gates
from unwind.warehouse.state import OPS_TABLES

if TYPE_CHECKING:
    from great_expectations.data_context import FileDataContext

STAGED = """
create schema intermediate;
create schema landed;
create table intermediate.int_liquidations_unioned (
    batch_id varchar, raw_object varchar, raw_line bigint, row_in_line bigint, parser varchar,
    source_kind varchar, received_at timestamp, venue varchar, instrument varchar,
    liquidated_side varchar, event_kind varchar, event_at timestamp, hour_at timestamp,
    raw_side varchar, raw_quantity varchar, raw_price varchar, reject_reason varchar,
    line_class varchar
);
-- Forty rows a part: binance streams (hour), okx pages (hour), bybit imports a day of 2024.
insert into intermediate.int_liquidations_unioned
select
    part.batch_id, part.venue || '-object', number, 1, part.venue || '.frame@1', part.source_kind,
    event_at + interval 300 millisecond, part.venue, 'BTCUSDT',
    if(number % 4 = 0, 'short', 'long'), 'liquidation', event_at, date_trunc('hour', event_at),
    'SELL', '0.5', '90000', null, 'row'
from (values
    ('hour-2026-01-29T14', 'binance', 'stream', timestamp '2026-01-29 14:00:00'),
    ('hour-2026-01-29T14', 'okx', 'rest', timestamp '2026-01-29 14:00:00'),
    ('import-0123456789ab', 'bybit', 'stream', timestamp '2024-08-05 01:00:00')
) as part(batch_id, venue, source_kind, from_at)
cross join range(1, 41) as numbers(number)
cross join lateral (select part.from_at + to_minutes(number::int) as event_at);

create table landed.stg_binance__funding (
    batch_id varchar, raw_object varchar, raw_line bigint, received_at timestamp, venue varchar,
    instrument varchar, observed_at timestamp, hour_at timestamp, funding_rate double,
    reject_reason varchar
);
insert into landed.stg_binance__funding
select
    'hour-2026-01-29T14', 'funding-object', number, timestamp '2026-01-29 15:00:10', 'binance',
    'BTCUSDT', timestamp '2026-01-29 14:00:00', timestamp '2026-01-29 14:00:00', 0.0001, null
from range(1, 41) as numbers(number);

create schema seeds;
create table seeds.plausibility_limits as
select * from (values
    ('notional_usd_max', 1e10), ('oi_usd_max', 1e11), ('price_usd_min', 1e-12),
    ('price_usd_max', 1e9),
    ('funding_rate_8h_max', 0.5), ('interval_hours_min', 1.0), ('interval_hours_max', 24.0)
) as listed(limit_name, value);

insert into ops.batches values
    ('hour-2026-01-29T14', 1, 'hour', '2026-01-29 15:01:00', '2026-01-29 14:00:00',
        '2026-01-29 15:00:00'),
    ('import-0123456789ab', 1, 'import', '2026-01-29 15:02:00', null, null);
insert into ops.build_batches values ('hour-2026-01-29T14', 1), ('import-0123456789ab', 1);
insert into ops.batch_outcomes values
    ('hour-2026-01-29T14', 1, 'binance', 'liquidations', 'ok', '', 1, 1, 40, '2026-01-29 15:00:10'),
    ('hour-2026-01-29T14', 1, 'binance', 'funding', 'ok', '', 1, 1, 1, '2026-01-29 15:00:10'),
    ('hour-2026-01-29T14', 1, 'okx', 'liquidations', 'ok', '', 1, 1, 1, '2026-01-29 15:00:10'),
    ('import-0123456789ab', 1, 'bybit', 'liquidations', 'ok', '', 1, 1, 40, '2026-01-29 15:00:10');
insert into ops.pending_hours values ('2026-01-29 14:00:00'), ('2026-01-29 15:00:00');
insert into ops.hours values ('2026-01-29 14:00:00'), ('2026-01-29 15:00:00');
"""

# Two hours being built, and hour 13, which is not: what stands there is not judged.
MARTS = """
create schema marts;
create table marts.fct_liquidations as
select
    md5(venue || '-' || asset || '-' || number)::uuid as liquidation_id,
    venue, asset || 'USDT' as instrument, asset as base_asset, 'USDT' as quote_asset,
    'linear' as contract_type,
    if(number % 2 = 0, 'long', 'short') as liquidated_side,
    if(number = 9, 'adl', 'liquidation') as event_kind,
    0.5::decimal(38, 12) as quantity_base, 90000::decimal(38, 12) as price_usd,
    true as is_listed,
    'fill_avg' as price_kind, 45000::decimal(38, 4) as notional_usd,
    timestamp '2026-01-29 13:00:00' + to_minutes((number * 20)::int) as event_at,
    'object' as raw_object, number as raw_line, 'binance.frame@1' as parser,
    'hour-2026-01-29T14' as batch_id, 1 as sightings,
    date_trunc('hour', event_at) as hour_at,
from (values ('binance'), ('okx')) as venues(venue)
cross join (values ('BTC'), ('ETH')) as assets(asset)
cross join range(1, 9 + 1) as numbers(number);
delete from marts.fct_liquidations where hour_at > '2026-01-29 15:00:00';

create table marts.liquidation_sightings as
select liquidation_id, venue, raw_object, raw_line, hour_at from marts.fct_liquidations;

create table marts.liquidation_accounting as
select
    'hour-2026-01-29T14' as batch_id, venue, hour_at, 10 as staged, 6 as accepted, 3 as repeated,
    1 as quarantined,
from marts.fct_liquidations
group by all;

create table marts.observation_accounting as
select *, 'prices' as dataset from marts.liquidation_accounting;

create table marts.unrecognised_symbols (
    hour_at timestamp, venue varchar, dataset varchar, symbol varchar, occurrences bigint
);

create table marts.fct_open_interest as
select distinct hour_at, venue, instrument, base_asset, hour_at as observed_at,
    1000::double as oi_base, 9e7::double as oi_usd,
from marts.fct_liquidations;
create table marts.fct_prices as
select distinct hour_at, venue, instrument, base_asset, 'mark' as price_kind,
    hour_at as observed_at, 90000::double as open_usd, 90100::double as high_usd,
    89900::double as low_usd, 90000::double as close_usd,
from marts.fct_liquidations;
create table marts.dim_assets as
select distinct base_asset from marts.fct_liquidations;

create table marts.liquidations_hourly as
select
    hour_at, venue, base_asset,
    coalesce(sum(notional_usd) filter (where liquidated_side = 'long'), 0) as long_usd,
    coalesce(sum(notional_usd) filter (where liquidated_side = 'short'), 0) as short_usd,
    sum(notional_usd) as total_usd, max(notional_usd) as largest_usd,
    1 as long_events, 1 as short_events, venue = 'binance' as is_lower_bound, true as is_complete,
from marts.fct_liquidations
where event_kind = 'liquidation'
group by all;

create table marts.venue_coverage_hourly as
select
    hour_at, venue, 'complete' as landing_outcome, 1::double as covered_share,
    'one_per_symbol_second_largest' as publication_rule, true as is_complete,
    true as is_lower_bound, 'publication_rule' as lower_bound_reason,
from (values (timestamp '2026-01-29 14:00:00'), (timestamp '2026-01-29 15:00:00')) as hours(hour_at)
cross join (values ('binance'), ('okx')) as venues(venue);

create table marts.exchange_breakdown as
select
    hour_at, timestamp '2026-01-29 15:00:00' as as_of_at, 1 as window_hours,
    coalesce(base_asset, 'ALL') as base_asset, coalesce(venue, 'ALL') as venue,
    sum(long_usd) as long_usd, sum(short_usd) as short_usd,
    sum(total_usd) as total_usd, 3 as events,
    if(venue is null, 1, 0.5)::double as share, 0.5::double as long_share,
    if(base_asset is null, 1, 0.5)::double as asset_share, false as share_is_upper_bound,
    true as is_lower_bound, false as is_incomplete, 1 as complete_hours,
from marts.liquidations_hourly
where hour_at = '2026-01-29 14:00:00'
group by cube (base_asset, venue), hour_at;

create table marts.liquidation_imbalance_hourly as
select distinct hour_at, base_asset, 0::double as imbalance_1h, 0::double as imbalance_24h,
    0.5::double as long_dominance_1h, 0.5::double as long_dominance_24h,
    45000::decimal(38, 4) as long_1h_usd, 45000::decimal(38, 4) as short_1h_usd,
    1 as long_1h_events, 1 as short_1h_events, 0.5::double as long_1h_event_share,
    0.1::double as long_1h_event_share_low, 0.9::double as long_1h_event_share_high,
    true as is_lower_bound_1h, false as is_incomplete_1h,
    45000::decimal(38, 4) as long_24h_usd, 45000::decimal(38, 4) as short_24h_usd,
    1 as long_24h_events, 1 as short_24h_events, 0.5::double as long_24h_event_share,
    0.1::double as long_24h_event_share_low, 0.9::double as long_24h_event_share_high,
    true as is_lower_bound_24h, true as is_incomplete_24h,
from marts.liquidations_hourly;
create table marts.liquidation_intensity_hourly as
select distinct
    hour_at, base_asset, 45000::decimal(38, 4) as long_1h_usd,
    45000::decimal(38, 4) as long_24h_usd,
    2 as matched_venues_1h, 2 as matched_instruments_1h, 1.5::double as long_intensity_1h_bp,
    0 as matched_venues_24h, 0 as matched_instruments_24h, null::double as long_intensity_24h_bp,
    true as is_lower_bound_1h, false as is_incomplete_1h, true as is_lower_bound_24h,
    true as is_incomplete_24h,
from marts.liquidations_hourly;
create table marts.leverage_hourly as
select distinct hour_at, base_asset, 1e10 as oi_start_usd, 1e10 as oi_usd,
    -0.01::double as oi_change_1h_share, 0.02::double as oi_to_market_cap
from marts.liquidations_hourly;
create table marts.fct_funding as
select
    'okx' as venue, 'BTC-USDT-SWAP' as instrument, 'BTC' as base_asset,
    timestamp '2026-01-29 14:00:00' + number * interval 1 hour as funding_at,
    0.0001::double as funding_rate, 1::double as interval_hours,
    'settlements' as interval_source, true as is_settled,
    date_trunc('hour', funding_at) as hour_at,
from range(2) as numbers(number);
create table marts.funding_hourly as
select distinct hour_at, base_asset, 0.0001::double as oi_weighted_funding_8h
from marts.liquidations_hourly;
create table marts.stress_hourly as
select distinct hour_at, base_asset, 71.5::double as score, 'elevated' as regime,
    30.25::double as oi_to_market_cap_contribution,
    41.25::double as oi_weighted_funding_8h_contribution,
    0::double as long_imbalance_24h_contribution, null::double as intensity_24h_bp_contribution,
    0::double as realised_volatility_24h_contribution, null::double as mass_below_spot_contribution,
from marts.liquidations_hourly;
create table marts.market_heatmap as
select distinct
    hour_at, hour_at as as_of_at, base_asset, 1.7e12 as market_cap_usd, -0.03::double as return_24h,
    1 as rank, 'large' as tier,
from marts.liquidations_hourly;
"""


@pytest.fixture(scope="session")
def sound_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = Home(tmp_path_factory.mktemp("sound"))
    home.warehouse_dir.mkdir(parents=True)
    with duckdb.connect(str(home.staging_db)) as staging:
        staging.execute(OPS_TABLES)
        staging.execute(STAGED)
    with duckdb.connect(str(home.warehouse_db)) as warehouse:
        warehouse.execute(MARTS)
    return home.warehouse_dir


@pytest.fixture
def home(sound_warehouse: Path, tmp_path: Path) -> Home:
    home = Home(tmp_path)
    shutil.copytree(sound_warehouse, home.warehouse_dir)
    return home


@pytest.fixture(scope="session")
def shared_context(tmp_path_factory: pytest.TempPathFactory) -> FileDataContext:
    return gates._context(Home(tmp_path_factory.mktemp("shared")))


@pytest.fixture(autouse=True)
def suites_read_once(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    shared_context: FileDataContext,
) -> None:
    """Reads the suites once for all tests, unless a test looks at what a context writes."""
    if "own_context" not in request.fixturenames:
        monkeypatch.setattr(gates, "_context", lambda _home: shared_context)


@pytest.fixture
def own_context() -> None:
    """The gates write their results under the test's own home."""


@pytest.fixture(autouse=True)
def small_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour of one venue may hold 100 rows here, so that too many are quickly made."""
    stated = gates.thresholds()
    small = replace(stated["hour_part_rows_max"], value=100)
    monkeypatch.setattr(gates, "thresholds", lambda: {**stated, "hour_part_rows_max": small})


@pytest.fixture
def in_staging(home: Home) -> Callable[[str], None]:
    """Runs SQL in the staging file, to break something of it."""

    def run(sql: str) -> None:
        with duckdb.connect(str(home.staging_db)) as staging:
            staging.execute(sql)

    return run


@pytest.fixture
def in_marts(home: Home) -> Callable[[str], None]:
    """Runs SQL in the published file, to break something of it."""

    def run(sql: str) -> None:
        with duckdb.connect(str(home.warehouse_db)) as warehouse:
            warehouse.execute(sql)

    return run
