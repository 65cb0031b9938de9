-- price: `mark_price` and `index_price`.
-- time: of receipt, since the answer has no timestamp.
-- https://docs.coinex.com/api/v2/futures/market/http/list-market-ticker
with

marks as (

    select
        *,
        entry ->> 'mark_price' as mark_usd,
        entry ->> 'index_price' as index_usd,

    from {{ coinex_tickers() }}

),

{{ staged_price_points('coinex', 'marks') }}
