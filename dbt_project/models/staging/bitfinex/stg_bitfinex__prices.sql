-- price: the mark (place 15 of the row), and the underlying's spot price as the index (place 4).
-- time: the row's.
-- https://docs.bitfinex.com/reference/rest-public-derivatives-status
with

marks as (

    select
        *,
        entry ->> 15 as mark_usd,
        entry ->> 4 as index_usd,

    from {{ bitfinex_status() }}

),

{{ staged_price_points('bitfinex', 'marks') }}
