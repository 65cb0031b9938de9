-- price: `mark_price` and `index_price`, in the contract's quote asset.
-- time: `timestamp` in microseconds.
-- https://docs.tardis.dev/downloadable-csv-files#derivative_ticker
with

marks as (

    select
        * exclude (price_kind),
        mark_price as mark_usd,
        index_price as index_usd,

    from {{ tardis_tickers(
        'price', "coalesce(nullif(mark_price, ''), nullif(index_price, '')) is not null"
    ) }}

),

{{ staged_price_points(none, 'marks', parsed_symbol=tardis_symbol_parts()) }}
