-- price: `markPrice` and `indexPrice`.
-- time: the answer's `serverTime`.
-- https://docs.kraken.com/api/docs/futures-api/trading/get-tickers
with

marks as (

    select
        *,
        entry ->> 'markPrice' as mark_usd,
        entry ->> 'indexPrice' as index_usd,

    from {{ kraken_futures_tickers() }}

),

{{ staged_price_points('kraken_futures', 'marks') }}
