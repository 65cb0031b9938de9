-- price: the last trade stands in for the mark, which is only streamed.
-- time: of receipt, since the answer has no timestamp.
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
