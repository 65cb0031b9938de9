-- size: `contractSize`, USD of inverse futures, base coin of flexible (linear) ones.
-- names: the underlying's rate and the symbol spell BTC as XBT; state: `tradeable`.
-- https://docs.kraken.com/api/docs/futures-api/trading/get-instruments
with

named as (

    select
        *,
        upper(entry ->> 'symbol') as instrument,
        unnest({{ parse_symbol('kraken_futures', 'instrument') }}),

    from {{ rest_rows(
        'kraken_futures', 'instruments', ['/derivatives/api/v3/instruments'],
        rows_at='$.instruments'
    ) }}

    -- Indices and options are left out; an unknown type is rejected instead.
    where entry is null
        or not regexp_matches(lower(coalesce(entry ->> 'type', '')), 'index|option|call|put')

),

listed as (

    select
        * exclude (contract_type),
        case entry ->> 'type'
            when 'futures_inverse' then 'inverse'
            when 'flexible_futures' then 'linear'
            when 'futures_vanilla' then 'linear'
        end as contract_type,
        entry ->> 'contractSize' as contract_size,
        if((entry ->> 'tradeable') = 'true', 'tradeable', 'not tradeable') as status,
        {{ iso_at("entry ->> 'openingDate'") }} as listed_at,

    from named

),

{{ staged_instruments('kraken_futures', 'listed') }}
