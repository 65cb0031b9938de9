-- size: `position_size` of contracts, one-sided; statistics give open_interest in contracts and USD.
-- time: of statistics their `time` in seconds; of the list the time of receipt, since it has none.
-- https://www.gate.com/docs/developers/apiv4/en/#futures-stats
with

interpreted as (

    select
        *,
        entry ->> 'position_size' as oi_contracts,
        if(
            is_inverse, null,
            try_cast(entry ->> 'position_size' as double)
            * try_cast(entry ->> 'quanto_multiplier' as double)
        ) as oi_base,
        if(is_inverse, entry ->> 'position_size', null) as oi_usd,

    from {{ gate_contracts() }}

    union all by name

    select
        *,
        entry ->> 'open_interest' as oi_contracts,
        null::double as oi_base,
        entry ->> 'open_interest_usd' as oi_usd,

    from {{ gate_contract_stats() }}

),

{{ staged_open_interest('gate', 'interpreted', required=['oi_contracts']) }}
