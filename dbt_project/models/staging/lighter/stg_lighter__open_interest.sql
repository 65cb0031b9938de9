-- size: `open_interest`, one-sided, in base coin (the unit is not documented).
-- time: of receipt, since the answer has no timestamp.
-- https://apidocs.lighter.xyz/reference/orderbookdetails
with

interpreted as (

    select
        *,
        null::varchar as oi_contracts,
        entry ->> 'open_interest' as oi_base,
        null::varchar as oi_usd,

    from {{ lighter_markets() }}

),

{{ staged_open_interest('lighter', 'interpreted') }}
