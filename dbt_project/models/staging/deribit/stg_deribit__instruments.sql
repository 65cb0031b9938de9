-- size: `contract_size`, USD of reversed (inverse) instruments, base coin of linear ones. Trades and
--   open interest count in amounts, not in contracts.
-- state: `is_active`.
-- https://docs.deribit.com/#public-get_instruments
with

listed as (

    select
        *,
        entry ->> 'instrument_name' as instrument,
        case entry ->> 'instrument_type'
            when 'reversed' then 'inverse'
            when 'linear' then 'linear'
        end as contract_type,
        entry ->> 'base_currency' as venue_asset,
        entry ->> 'quote_currency' as quote_asset,
        entry ->> 'contract_size' as contract_size,
        if((entry ->> 'is_active') = 'true', 'active', 'inactive') as status,
        {{ epoch_ms_at("entry ->> 'creation_timestamp'") }} as listed_at,

    from {{ rest_rows(
        'deribit', 'instruments', ['/public/get_instruments'], rows_at='$.result'
    ) }}

    where entry is null or (entry ->> 'kind') = 'future'

),

{{ staged_instruments('deribit', 'listed') }}
