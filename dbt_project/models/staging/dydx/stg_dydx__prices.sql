-- price: `oraclePrice`, which is both the margin price and an index of spot venues.
-- time: of receipt, since the answer has no timestamp.
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
