-- volume: `volume24H` in USD.
-- time: of receipt, since the answer has no timestamp.
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
