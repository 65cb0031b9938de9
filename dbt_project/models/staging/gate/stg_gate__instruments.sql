-- size: quanto_multiplier coins, or 1 USD where it is 0 (contracts settled in BTC).
-- state: `in_delisting`.
-- https://www.gate.com/docs/developers/apiv4/en/#list-all-futures-contracts
with

named as (

    select
        *,
        unnest({{ parse_symbol('gate', 'instrument') }}),

    from {{ gate_contracts() }}

),

listed as (

    select
        * exclude (observed_at, contract_type),
        if(is_inverse, 'inverse', 'linear') as contract_type,
        if(is_inverse, '1', entry ->> 'quanto_multiplier') as contract_size,
        if((entry ->> 'in_delisting') = 'true', 'delisting', 'trading') as status,
        {{ epoch_s_at("entry ->> 'create_time'") }} as listed_at,

    from named

),

{{ staged_instruments('gate', 'listed') }}
