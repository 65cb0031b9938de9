-- Facts made by hand for the leverage marts, all around 2026-01-29 14:00, the hour under test.
-- USD figures are round so that the expected marts can be worked out on paper.
create schema marts;
create schema staging.intermediate;
create schema staging.seeds;
create table staging.seeds.assets as
select unnest(['BTC', 'ETH']) as base_asset, null::varchar as sector;

create table marts.dim_venues (
    venue varchar, source_kind varchar, publication_rule varchar, valid_from timestamp,
    valid_to timestamp, publication_window varchar
);
insert into marts.dim_venues values
    ('binance', 'any', 'one_per_symbol_second_latest', timestamp '2019-09-01', null, 'clock'),
    ('bybit', 'any', 'one_per_symbol_second_latest', timestamp '2020-01-01', timestamp '2025-02-20', 'clock'),
    ('bybit', 'any', 'full', timestamp '2025-02-20', null, null),
    ('hyperliquid', 'any', 'full', timestamp '2023-01-01', null, null);

create table staging.intermediate.int_listed_assets as
select venue, base_asset, timestamp '1970-01-01' as listed_from, timestamp '9999-12-31' as listed_to
from (values
    ('binance', 'BTC'), ('binance', 'ETH'), ('binance', 'DOGE'), ('hyperliquid', 'BTC'),
    ('hyperliquid', 'ETH'), ('bybit', 'SUI')
) as listed(venue, base_asset);

create table staging.intermediate.int_instrument_versions as
select
    venue, instrument, base_asset, timestamp '1970-01-01' as valid_from, null::timestamp as valid_to, true as is_trading
from (values
    ('binance', 'BTCUSDT', 'BTC'), ('binance', 'ETHUSDT', 'ETH'), ('binance', 'DOGEUSDT', 'DOGE'),
    ('hyperliquid', 'BTC', 'BTC'), ('hyperliquid', 'ETH', 'ETH'), ('bybit', 'SUIUSDT', 'SUI')
) as listed(venue, instrument, base_asset);

-- The last 25 hours of binance (but for 12:00) and hyperliquid; bybit at 05:00 alone.
insert into staging.ops.venue_hours
select
    'hour-' || strftime(hour_at, '%Y-%m-%dT%H'), 1, venue, hour_at, 'stream', 'complete', 1.0, ''
from (
    select hour_at, venue
    from range(timestamp '2026-01-28 15:00', timestamp '2026-01-29 16:00', interval 1 hour) as hours(hour_at)
    cross join (values ('binance'), ('hyperliquid')) as venues(venue)
    where not (venue = 'binance' and hour_at = timestamp '2026-01-29 12:00')
    union all
    values
        (timestamp '2026-01-29 05:00', 'bybit'),
        (timestamp '2025-10-21 03:00', 'binance'),
        (timestamp '2025-10-21 03:00', 'bybit'),
        (timestamp '2025-10-31 10:00', 'binance'),
        (timestamp '2025-11-01 00:00', 'binance'),
        (timestamp '2025-12-30 15:00', 'binance')
) as covered;

create table marts.fct_liquidations (
    venue varchar, instrument varchar, base_asset varchar, liquidated_side varchar, event_kind varchar,
    notional_usd decimal(38, 4), event_at timestamp, hour_at timestamp
);
insert into marts.fct_liquidations
select
    venue, base_asset || if(venue = 'hyperliquid', '', 'USDT'), base_asset, liquidated_side,
    event_kind, notional_usd, event_at, date_trunc('hour', event_at)
from (values
    ('binance', 'BTC', 'long', 'liquidation', 100e6, timestamp '2026-01-29 14:05:10'),
    ('binance', 'BTC', 'long', 'liquidation', 50e6, timestamp '2026-01-29 14:05:50'),
    ('binance', 'BTC', 'short', 'liquidation', 5e6, timestamp '2026-01-29 14:30:00'),
    ('hyperliquid', 'BTC', 'long', 'backstop', 80e6, timestamp '2026-01-29 14:59:59.999'),
    -- Neither counts: the winning side of an auto-deleveraging, and an unknown side.
    ('hyperliquid', 'BTC', 'short', 'adl', 80e6, timestamp '2026-01-29 14:59:59.999'),
    ('hyperliquid', 'BTC', 'unknown', 'liquidation', 7e6, timestamp '2026-01-29 14:59:59.999'),
    ('bybit', 'ETH', 'long', 'liquidation', 2e6, timestamp '2025-10-21 03:10:00'),
    ('binance', 'ETH', 'long', 'liquidation', 3e6, timestamp '2025-11-01 00:10:00'),
    -- 719 hours before 2026-01-29 14:00.
    ('binance', 'DOGE', 'long', 'liquidation', 4e6, timestamp '2025-12-30 15:20:00'),
    ('hyperliquid', 'ETH', 'short', 'deleveraging', 1e6, timestamp '2026-01-29 13:40:00')
) as observed(venue, base_asset, liquidated_side, event_kind, notional_usd, event_at);
insert into marts.fct_liquidations
select 'hyperliquid', 'ETH', 'ETH', 'long', 'liquidation', 1e6, event_at, date_trunc('hour', event_at)
from range(timestamp '2026-01-29 13:01', timestamp '2026-01-29 13:10', interval 1 minute) as minutes(event_at);

alter table marts.fct_liquidations add column is_listed boolean default true;
alter table marts.fct_liquidations add column publication_second_at timestamp;
alter table marts.fct_liquidations add column publication_clock varchar default 'venue';
alter table marts.fct_liquidations add column published_at timestamp;
alter table marts.fct_liquidations add column received_at timestamp;
update marts.fct_liquidations set publication_second_at = date_trunc('second', event_at);
-- An asset that no listing and no seed knows.
insert into marts.fct_liquidations values (
    'binance', 'WRONGCOINUSDT', 'WRONGCOIN', 'long', 'liquidation', 1e6,
    timestamp '2026-01-10 12:30', timestamp '2026-01-10 12:00', false,
    timestamp '2026-01-10 12:30', 'venue', null, null
);

create table marts.fct_open_interest (
    venue varchar, instrument varchar, base_asset varchar, observed_at timestamp, oi_usd double,
    oi_base double, hour_at timestamp
);
insert into marts.fct_open_interest
select *, date_trunc('hour', observed_at) from (values
    ('binance', 'BTCUSDT', 'BTC', timestamp '2026-01-28 14:55', 12e9, 128e3),
    ('binance', 'BTCUSDT', 'BTC', timestamp '2026-01-29 13:50', 10e9, 100e3),
    ('binance', 'BTCUSDT', 'BTC', timestamp '2026-01-29 14:02', 9e9, 95e3),
    ('binance', 'BTCUSDT', 'BTC', timestamp '2026-01-29 14:50', 7e9, 80e3),
    ('hyperliquid', 'BTC', 'BTC', timestamp '2026-01-28 14:55', 5e9, 55e3),
    ('hyperliquid', 'BTC', 'BTC', timestamp '2026-01-29 13:40', 5e9, 50e3),
    ('hyperliquid', 'BTC', 'BTC', timestamp '2026-01-29 14:03', 4e9, 48e3),
    ('hyperliquid', 'BTC', 'BTC', timestamp '2026-01-29 14:30', 2.5e9, 30e3),
    ('bybit', 'BTCUSDT', 'BTC', timestamp '2026-01-29 13:59', 6e9, 60e3),
    ('bybit', 'BTCUSDT', 'BTC', timestamp '2026-01-29 14:55', 3e9, 40e3),
    ('bybit', 'SUIUSDT', 'SUI', timestamp '2026-01-29 14:55', 1e9, 600e6)
) as observed(venue, instrument, base_asset, observed_at, oi_usd, oi_base);

create table marts.fct_funding (
    venue varchar, instrument varchar, base_asset varchar, funding_at timestamp,
    funding_rate double, interval_hours double, is_settled boolean, hour_at timestamp,
    raw_object varchar, raw_line bigint
);
insert into marts.fct_funding
select *, date_trunc('hour', funding_at), 'funding-object', 1 from (values
    ('binance', 'BTCUSDT', 'BTC', timestamp '2026-01-29 08:00', 0.0001, 8.0, true),
    ('bybit', 'BTCUSDT', 'BTC', timestamp '2026-01-29 12:00', -0.0001, 4.0, true),
    ('bybit', 'BTCUSDT', 'BTC', timestamp '2026-01-29 12:00', 0.9, 4.0, false),
    ('hyperliquid', 'BTC', 'BTC', timestamp '2026-01-29 14:00', 0.00001, 1.0, true)
) as observed(venue, instrument, base_asset, funding_at, funding_rate, interval_hours, is_settled);

create table marts.fct_prices (
    venue varchar, instrument varchar, base_asset varchar, quote_asset varchar,
    price_kind varchar, observed_at timestamp, close_at timestamp, bar_seconds integer,
    open_usd double, high_usd double, low_usd double, close_usd double, volume_base double,
    volume_usd double, hour_at timestamp
);
-- Hourly spot bars of binance: BTC closes at 90,000 until the 29th, then at 85,500.
insert into marts.fct_prices
select
    'binance', 'BTCUSDT', 'BTC', 'USDT', 'spot', hour_at, hour_at + interval 1 hour, 3600,
    86000, 91000, 84000, if(hour_at < timestamp '2026-01-29', 90000, 85500), 11000, 1e9, hour_at
from range(timestamp '2026-01-28 13:00', timestamp '2026-01-29 16:00', interval 1 hour) as hours(hour_at);
insert into marts.fct_prices
select *, date_trunc('hour', observed_at) from (values
    ('bybit', 'BTCUSDT', 'BTC', 'USDT', 'spot', timestamp '2026-01-29 14:00', timestamp '2026-01-29 15:00', 3600, 86100, 91100, 83900, 85600, 70000, 6e9),
    -- A minute bar inside the hourly one must not count its volume twice.
    ('bybit', 'BTCUSDT', 'BTC', 'USDT', 'spot', timestamp '2026-01-29 14:00', timestamp '2026-01-29 14:01', 60, 86100, 86200, 86000, 86100, 10, 1e6),
    ('binance', 'BTCUSDT', 'BTC', 'USDT', 'mark', timestamp '2026-01-29 14:59', timestamp '2026-01-29 14:59', null, null, null, null, 85585.5, null, null),
    ('binance', 'BTCUSDT', 'BTC', 'USDT', 'index', timestamp '2026-01-29 14:59', timestamp '2026-01-29 14:59', null, null, null, null, 85500, null, null),
    ('okx', 'ETH-USDT-SWAP', 'ETH', 'USDT', 'mark', timestamp '2026-01-29 14:58', timestamp '2026-01-29 14:58', null, null, null, null, 2801, null, null),
    ('okx', 'ETH-USDT-SWAP', 'ETH', 'USDT', 'index', timestamp '2026-01-29 14:30', timestamp '2026-01-29 14:30', null, null, null, null, 2790, null, null),
    ('okx', 'ETH-USDT-SWAP', 'ETH', 'USDT', 'index', timestamp '2026-01-29 14:58', timestamp '2026-01-29 14:58', null, null, null, null, 2800, null, null),
    -- 50 minutes old at the hour's end, and a bar that ends after it.
    ('hyperliquid', 'DOGE', 'DOGE', 'USD', 'mark', timestamp '2026-01-29 14:10', timestamp '2026-01-29 14:10', null, null, null, null, 0.11, null, null),
    ('hyperliquid', 'DOGE', 'DOGE', 'USD', 'spot', timestamp '2026-01-29 14:00', timestamp '2026-01-29 18:00', 14400, 0.11, 0.99, 0.01, 0.12, 1, 1)
) as observed(venue, instrument, base_asset, quote_asset, price_kind, observed_at, close_at, bar_seconds,
    open_usd, high_usd, low_usd, close_usd, volume_base, volume_usd);

create table marts.fct_volumes (
    venue varchar, instrument varchar, base_asset varchar, observed_at timestamp,
    window_hours integer, volume_usd double, hour_at timestamp
);
insert into marts.fct_volumes values
    ('bybit', 'SUIUSDT', 'SUI', '2026-01-29 14:55', 24, 2e9, '2026-01-29 14:00');

create table marts.fct_long_short_ratio (
    venue varchar, instrument varchar, base_asset varchar, ratio_kind varchar,
    observed_at timestamp, long_short_ratio double, hour_at timestamp
);
insert into marts.fct_long_short_ratio
select *, date_trunc('hour', observed_at) from (values
    ('binance', 'BTCUSDT', 'BTC', 'accounts', timestamp '2026-01-29 14:50', 9.0),
    ('binance', 'BTCUSDT', 'BTC', 'accounts', timestamp '2026-01-29 14:55', 2.0),
    ('binance', 'BTCUSDT', 'BTC', 'top_positions', timestamp '2026-01-29 14:55', 7.0),
    ('bybit', 'BTCUSDT', 'BTC', 'accounts', timestamp '2026-01-29 14:55', 0.5)
) as observed(venue, instrument, base_asset, ratio_kind, observed_at, long_short_ratio);

create table marts.fct_market_caps (
    base_asset varchar, asset_name varchar, observed_at timestamp, market_cap_usd double,
    price_usd double, volume_24h_usd double, change_24h_share double, rank integer,
    sector varchar, source varchar, hour_at timestamp, raw_object varchar, raw_line bigint
);
-- Twelve assets at 14:00:20 of four days: BTC, ETH and USDT, seven of 50 billion, two of 10 billion.
create temp table listed as
select base_asset, cap_28, cap_29, change_26, change_27, change_29 from (values
    ('BTC', 1800e9, 1710e9, 0.04, 0.02, -0.9),
    ('ETH', 380e9, 344e9, null, null, -0.06),
    ('USDT', 200e9, 200e9, null, null, -0.001),
    ('L04', 50e9, 50e9, null, null, -0.04),
    ('L05', 50e9, 50e9, null, null, -0.04),
    ('L06', 50e9, 50e9, null, null, -0.04),
    ('L07', 50e9, 50e9, null, null, -0.04),
    ('L08', 50e9, 50e9, null, null, -0.04),
    ('L09', 50e9, 50e9, null, null, -0.04),
    ('L10', 50e9, 50e9, null, null, 0.01),
    ('M11', 10e9, 10e9, 0.05, 0.03, -0.08),
    ('M12', 10e9, 10e9, 0.05, 0.05, -0.06)
) as assets(base_asset, cap_28, cap_29, change_26, change_27, change_29);
insert into marts.fct_market_caps
select
    base_asset, base_asset, observed_at, market_cap_usd, null,
    if(base_asset = 'BTC', 60e9, null), change_24h_share, null,
    if(base_asset = 'USDT', 'stablecoin', null), 'coingecko', date_trunc('hour', observed_at),
    'cap-object', 1
from (
    select base_asset, timestamp '2026-01-26 14:00:20', cap_28, change_26 from listed
    union all
    select base_asset, timestamp '2026-01-27 14:00:20', cap_28, change_27 from listed
    union all
    select base_asset, timestamp '2026-01-28 14:00:20', cap_28, null from listed
    union all
    select base_asset, timestamp '2026-01-29 14:00:20', cap_29, change_29 from listed
    union all
    select 'BTC', timestamp '2026-01-29 13:00:20', 1720e9, null
) as observed(base_asset, observed_at, market_cap_usd, change_24h_share);
-- The second source of the same hour is later, and is not taken.
insert into marts.fct_market_caps values (
    'BTC', 'Bitcoin', '2026-01-29 14:00:40', 1700e9, null, null, null, 1, null, 'coinpaprika',
    '2026-01-29 14:00', 'cap-object', 1
);

-- Every hour is landed as one batch, sealed half a minute after it (sealed_facts.py).
insert into staging.ops.batches
select distinct
    batch_id, 1, 'hour', hour_at + interval '1 hour 30 seconds', hour_at, hour_at + interval 1 hour
from staging.ops.venue_hours;
