-- size: one base coin; state: `status`.
-- time: of receipt, since the answer has no timestamp.
-- https://docs.dydx.xyz/indexer-client/http#list-perpetual-markets
with

listed as (

    select
        * exclude (observed_at),
        unnest({{ parse_symbol('dydx', 'instrument') }}),
        1 as contract_size,
        entry ->> 'status' as status,
        null::timestamp as listed_at,

    from {{ dydx_markets() }}

),

{{ staged_instruments('dydx', 'listed') }}
