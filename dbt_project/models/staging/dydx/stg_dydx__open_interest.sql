-- size: `openInterest`, one-sided, in base coin.
-- time: of receipt, since the answer has no timestamp.
-- https://docs.dydx.xyz/indexer-client/http#list-perpetual-markets
with

interpreted as (

    select
        *,
        null::varchar as oi_contracts,
        entry ->> 'openInterest' as oi_base,
        null::varchar as oi_usd,

    from {{ dydx_markets() }}

),

{{ staged_open_interest('dydx', 'interpreted') }}
