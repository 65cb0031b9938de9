-- volume: `volume24H` in USD.
-- time: ours, since the answer has no clock.
-- https://docs.dydx.xyz/indexer-client/http#list-perpetual-markets
with

interpreted as (

    select
        *,
        24 as window_hours,
        null::varchar as volume_base,
        entry ->> 'volume24H' as volume_usd,

    from {{ dydx_markets() }}

    where entry is null or nullif(entry ->> 'volume24H', '') is not null

),

{{ staged_volumes('dydx', 'interpreted') }}
