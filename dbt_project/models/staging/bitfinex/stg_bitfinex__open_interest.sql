-- size: one-sided, in base coin (place 18 of the row).
-- time: the row's.
-- https://docs.bitfinex.com/reference/rest-public-derivatives-status
with

interpreted as (

    select
        *,
        null::varchar as oi_contracts,
        entry ->> 18 as oi_base,
        null::varchar as oi_usd,

    from {{ bitfinex_status() }}

),

{{ staged_open_interest('bitfinex', 'interpreted') }}
