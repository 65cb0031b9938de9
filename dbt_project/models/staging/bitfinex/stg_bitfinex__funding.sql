-- rate: the running one of eight hours (place 12 of the row); positive means that longs pay.
-- time: the row's. Settled rates are not marked as such.
-- https://docs.bitfinex.com/reference/rest-public-derivatives-status
with

interpreted as (

    select
        *,
        entry ->> 12 as funding_rate,
        8 as interval_hours,
        {{ epoch_ms_at("entry ->> 8") }} as next_funding_at,
        false as is_settled,

    from {{ bitfinex_status() }}

    where entry is null or (entry ->> 12) is not null

),

{{ staged_funding('bitfinex', 'interpreted') }}
