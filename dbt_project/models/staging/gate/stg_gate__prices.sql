-- price: `mark_price` and `index_price`; statistics give a mark price of their instant.
-- time: of statistics their `time` in seconds; of the list the time of receipt, since it has none.
-- https://www.gate.com/docs/developers/apiv4/en/#list-all-futures-contracts
with

marks as (

    select
        *,
        entry ->> 'mark_price' as mark_usd,
        entry ->> 'index_price' as index_usd,

    from {{ gate_contracts() }}

    union all by name

    select
        *,
        entry ->> 'mark_price' as mark_usd,
        null::varchar as index_usd,

    from {{ gate_contract_stats() }}

),

{{ staged_price_points('gate', 'marks') }}
