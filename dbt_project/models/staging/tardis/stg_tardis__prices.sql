-- price: `mark_price` and `index_price`.
-- time: `timestamp` in microseconds.
-- https://docs.tardis.dev/downloadable-csv-files#derivative_ticker
with

marks as (

    select
        *,
        mark_price as mark_usd,
        index_price as index_usd,

    from {{ tardis_tickers() }}

),

{{ staged_price_points(none, 'marks') }}
