-- price: `oraclePrice`, which is what positions are margined by and an index of spot venues at once.
-- time: ours, since the answer has no clock.
-- https://docs.dydx.xyz/indexer-client/http#list-perpetual-markets
with

marks as (

    select
        *,
        entry ->> 'oraclePrice' as mark_usd,
        entry ->> 'oraclePrice' as index_usd,

    from {{ dydx_markets() }}

),

{{ staged_price_points('dydx', 'marks') }}
