-- size: one base coin. The status of all contracts is also their list; it has no trading state.
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
