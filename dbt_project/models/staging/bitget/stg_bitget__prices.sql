-- price: `markPrice` and `indexPrice`.
-- time: the row's `ts`, else the answer's requestTime.
-- https://www.bitget.com/api-doc/uta/public/Tickers
with

marks as (

    select
        *,
        entry ->> 'markPrice' as mark_usd,
        entry ->> 'indexPrice' as index_usd,

    from {{ bitget_tickers() }}

),

{{ staged_price_points('bitget', 'marks') }}
