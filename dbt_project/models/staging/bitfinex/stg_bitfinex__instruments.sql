-- size: one base coin. The status of all contracts is also the list of them; state: none is told.
-- https://docs.bitfinex.com/reference/rest-public-derivatives-status
with

listed as (

    select
        * exclude (observed_at),
        unnest({{ parse_symbol('bitfinex', 'instrument') }}),
        1 as contract_size,
        null::varchar as status,
        null::timestamp as listed_at,

    from {{ bitfinex_status() }}

),

{{ staged_instruments('bitfinex', 'listed') }}
