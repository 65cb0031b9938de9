-- price: the last trade stands for the mark, which is streamed alone.
-- time: ours, since the answer has no clock.
-- https://apidocs.lighter.xyz/reference/orderbookdetails
with

marks as (

    select
        *,
        entry ->> 'last_trade_price' as mark_usd,
        null::varchar as index_usd,

    from {{ lighter_markets() }}

),

{{ staged_price_points('lighter', 'marks') }}
