-- Facts made by hand for the marts of open interest, prices, volumes and funding. The hours run from
-- 2026-01-27 00:00; a coin of BTC costs 100 dollars, from 2026-01-29 00:00 on 90, so that sums can be
-- done on paper.
create schema marts;
create schema staging.intermediate;
create schema staging.seeds;
create table staging.seeds.assets as
select unnest(['BTC', 'ETH', 'SOL', 'ADA', 'XRP']) as base_asset;

create table marts.fct_liquidations (
    venue varchar, base_asset varchar, liquidated_side varchar, event_kind varchar,
    notional_usd decimal(38, 4), is_listed boolean, event_at timestamp, hour_at timestamp
);

-- Every venue lists BTC; bybit and binance list ETH, of which bybit reports nothing; SOL is binance's.
create table staging.intermediate.int_listed_assets as
select venue, base_asset, timestamp '1970-01-01' as listed_from, timestamp '9999-12-31' as listed_to
from (values
    ('binance', 'BTC'), ('bybit', 'BTC'), ('okx', 'BTC'), ('gate', 'BTC'), ('bitget', 'BTC'),
    ('binance', 'ETH'), ('bybit', 'ETH'), ('binance', 'SOL')
) as listed(venue, base_asset);

create table staging.intermediate.int_instrument_versions as
select
    venue, instrument, base_asset, timestamp '1970-01-01' as valid_from, null::timestamp as valid_to, true as is_trading
from (values
    ('binance', 'BTCUSDT', 'BTC'), ('bybit', 'BTCUSDT', 'BTC'), ('okx', 'BTC-USDT-SWAP', 'BTC'),
    ('gate', 'BTC_USDT', 'BTC'), ('bitget', 'BTCUSDT', 'BTC'),
    ('binance', 'ETHUSDT', 'ETH'), ('bybit', 'ETHUSDT', 'ETH'), ('binance', 'SOLUSDT', 'SOL')
) as listed(venue, instrument, base_asset);

-- binance is measured on the full hour, the others are polled 20 seconds after it. okx begins to
-- report at 12:00 of the 28th; gate reports until 06:00 of it; bitget misses 05:00 of the 29th.
create table marts.fct_open_interest as
with held as (
    select unnest(range(timestamp '2026-01-27', timestamp '2026-01-30 04:00', interval 1 hour)) as full_hour_at
)
select
    venue,
    instrument,
    base_asset,
    full_hour_at + to_seconds(delay_seconds) as observed_at,
    coins * if(base_asset != 'BTC', 10, if(full_hour_at < timestamp '2026-01-29', 100, 90))::double as oi_usd,
    coins::double as oi_base,
    full_hour_at as hour_at,
from held
cross join (values
    ('binance', 'BTCUSDT', 'BTC', 0, 1000, timestamp '2026-01-01', timestamp '2027-01-01'),
    ('bybit', 'BTCUSDT', 'BTC', 20, 500, timestamp '2026-01-01', timestamp '2027-01-01'),
    ('okx', 'BTC-USDT-SWAP', 'BTC', 20, 3000, timestamp '2026-01-28 12:00', timestamp '2027-01-01'),
    ('gate', 'BTC_USDT', 'BTC', 20, 200, timestamp '2026-01-01', timestamp '2026-01-28 07:00'),
    ('bitget', 'BTCUSDT', 'BTC', 20, 400, timestamp '2026-01-01', timestamp '2027-01-01'),
    ('binance', 'ETHUSDT', 'ETH', 0, 10000, timestamp '2026-01-01', timestamp '2027-01-01'),
    ('binance', 'SOLUSDT', 'SOL', 0, 600, timestamp '2026-01-01', timestamp '2027-01-01')
) as books(venue, instrument, base_asset, delay_seconds, coins, from_at, to_at)
where full_hour_at >= from_at
    and full_hour_at < to_at
    and not (venue = 'bitget' and full_hour_at = timestamp '2026-01-29 05:00');
-- In the hour of 29T14 binance's holders of SOL close a quarter.
update marts.fct_open_interest set oi_base = 450, oi_usd = 4500
where base_asset = 'SOL' and observed_at >= timestamp '2026-01-29 15:00';

create table marts.fct_funding (
    venue varchar, instrument varchar, base_asset varchar, funding_at timestamp,
    funding_rate double, interval_hours double, is_settled boolean, hour_at timestamp,
    raw_object varchar, raw_line bigint
);
insert into marts.fct_funding
select *, date_trunc('hour', funding_at), 'funding-object', 1 from (values
    ('binance', 'BTCUSDT', 'BTC', timestamp '2026-01-29 08:00', 0.0001, 8.0, true),
    ('bybit', 'BTCUSDT', 'BTC', timestamp '2026-01-29 12:00', -0.0001, 4.0, true),
    -- Of one instant the settled rate counts.
    ('bybit', 'BTCUSDT', 'BTC', timestamp '2026-01-29 12:00', 0.9, 4.0, false),
    ('bitget', 'BTCUSDT', 'BTC', timestamp '2026-01-29 14:00', 0.00001, 1.0, true),
    ('binance', 'SOLUSDT', 'SOL', timestamp '2026-01-29 08:00', 0.0001, 8.0, true)
) as observed(venue, instrument, base_asset, funding_at, funding_rate, interval_hours, is_settled);

create table marts.fct_volumes as
select *, date_trunc('hour', observed_at) as hour_at from (values
    ('binance', 'BTCUSDT', 'BTC', timestamp '2026-01-29 15:00:05', 24, 180000.0),
    ('bybit', 'BTCUSDT', 'BTC', timestamp '2026-01-29 14:00:20', 24, 999999.0),
    ('bybit', 'BTCUSDT', 'BTC', timestamp '2026-01-29 15:00:20', 24, 90000.0),
    -- A contract without a published open interest, and a window of another length.
    ('bybit', 'BTCPERP', 'BTC', timestamp '2026-01-29 15:00:20', 24, 5000.0),
    ('gate', 'BTC_USDT', 'BTC', timestamp '2026-01-29 15:00:20', 1, 7.0),
    -- Too late for 15:00.
    ('bitget', 'BTCUSDT', 'BTC', timestamp '2026-01-29 15:11:00', 24, 36000.0)
) as observed(venue, instrument, base_asset, observed_at, window_hours, volume_usd);

create table marts.fct_prices (
    venue varchar, instrument varchar, base_asset varchar, quote_asset varchar,
    price_kind varchar, observed_at timestamp, close_at timestamp, bar_seconds integer,
    open_usd double, high_usd double, low_usd double, close_usd double, volume_base double,
    volume_usd double, hour_at timestamp
);
-- Hourly bars of Binance spot and okx's own trades of BTC; a gap of one hour in spot at 29T14.
insert into marts.fct_prices
select
    venue, instrument, 'BTC', 'USDT', price_kind, hour_at, hour_at + interval 1 hour, 3600,
    price, price + 2, price - 3, price, 10, 1000, hour_at
from (
    select unnest(range(timestamp '2026-01-27', timestamp '2026-01-29 15:00', interval 1 hour)) as hour_at
) as hours
cross join (values
    ('binance', 'BTCUSDT', 'spot', 100.0), ('okx', 'BTC-USDT-SWAP', 'last', 101.0)
) as series(venue, instrument, price_kind, price)
where not (price_kind = 'spot' and hour_at = timestamp '2026-01-29 14:00');
-- bitget's mark bars of five minutes of ADA and BTC in 13:00 and 14:00: ADA falls from 1.00 to 0.77.
insert into marts.fct_prices
select
    'bitget', base_asset || 'USDT', base_asset, 'USDT', 'mark', bar_at, bar_at + interval 5 minute, 300,
    price, price + 0.01, price - 0.01, price, null, null, date_trunc('hour', bar_at)
from (
    select
        timestamp '2026-01-29 13:00' + to_minutes(5 * n::integer) as bar_at,
        base_asset,
        start - n * 0.01 as price,
    from range(24) as bars(n)
    cross join (values ('ADA', 1.0), ('BTC', 102.0)) as assets(base_asset, start)
) as marks;
insert into marts.fct_prices
select *, date_trunc('hour', observed_at) from (values
    -- One index price of ADA of 14:10, stale at the hour's end, and one of XRP that is fresh.
    ('binance', 'ADAUSDT', 'ADA', 'USDT', 'index', timestamp '2026-01-29 14:10', timestamp '2026-01-29 14:10', null, null, null, null, 5.0, null, null),
    ('binance', 'XRPUSDT', 'XRP', 'USDT', 'index', timestamp '2026-01-29 14:58', timestamp '2026-01-29 14:58', null, null, null, null, 2.0, null, null),
    ('okx', 'XRP-USDT-SWAP', 'XRP', 'USDT', 'mark', timestamp '2026-01-29 14:58', timestamp '2026-01-29 14:58', null, null, null, null, 2.1, null, null)
) as observed(venue, instrument, base_asset, quote_asset, price_kind, observed_at, close_at, bar_seconds,
    open_usd, high_usd, low_usd, close_usd, volume_base, volume_usd);
-- binance's mark and index of BTC, for the basis.
insert into marts.fct_prices
select
    'binance', 'BTCUSDT', 'BTC', 'USDT', price_kind, point_at, point_at, null, null, null, null, price,
    null, null, date_trunc('hour', point_at)
from (values ('mark', 85585.5), ('index', 85500.0)) as points(price_kind, price)
cross join (select timestamp '2026-01-29 14:59' as point_at) as instants;

create table marts.fct_long_short_ratio as
select *, date_trunc('hour', observed_at) as hour_at from (values
    ('binance', 'BTCUSDT', 'BTC', 'accounts', timestamp '2026-01-29 14:50', 9.0),
    ('binance', 'BTCUSDT', 'BTC', 'accounts', timestamp '2026-01-29 14:55', 2.0),
    ('binance', 'BTCUSDT', 'BTC', 'top_positions', timestamp '2026-01-29 14:55', 7.0),
    ('bybit', 'BTCUSDT', 'BTC', 'accounts', timestamp '2026-01-29 14:55', 0.5)
) as observed(venue, instrument, base_asset, ratio_kind, observed_at, long_short_ratio);

create table marts.fct_market_caps as
select
    base_asset, base_asset as asset_name, hour_at + interval 20 second as observed_at,
    market_cap_usd, null::double as price_usd, volume_usd as volume_24h_usd,
    null::double as change_24h_share, null::integer as rank, null::varchar as sector,
    'coingecko' as source, hour_at, 'cap-object' as raw_object, 1::bigint as raw_line,
from (
    select unnest(range(timestamp '2026-01-27', timestamp '2026-01-30 04:00', interval 1 hour)) as hour_at
) as hours
cross join (values ('BTC', 2100000.0, 882000.0), ('SOL', 60000.0, null), ('DOGE', 1e9, null)) as caps(base_asset, market_cap_usd, volume_usd);
