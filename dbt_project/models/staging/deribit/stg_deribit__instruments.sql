-- size: `contract_size`, USD of reversed (inverse) instruments, base coin of linear ones. Trades and
--   open interest count in amounts, not in contracts.
-- state: `is_active`.
-- https://docs.deribit.com/#public-get_instruments
with

listed as (

    select
        *,
        entry ->> 'instrument_name' as instrument,
        case
            when coalesce(entry ->> 'kind', '') != 'future' then null
            when (entry ->> 'instrument_type') = 'reversed' then 'inverse'
            when (entry ->> 'instrument_type') = 'linear' then 'linear'
        end as contract_type,
        entry ->> 'base_currency' as venue_asset,
        entry ->> 'quote_currency' as quote_asset,
        entry ->> 'contract_size' as contract_size,
        if((entry ->> 'is_active') = 'true', 'active', 'inactive') as status,
        {{ epoch_ms_at("entry ->> 'creation_timestamp'") }} as listed_at,

    from {{ rest_rows(
        'deribit', 'instruments', ['/public/get_instruments'], rows_at='$.result'
    ) }}

    -- An unknown kind has no contract type and is rejected for that.
    where entry is null
        or coalesce(entry ->> 'kind', '')
        not in ('option', 'spot', 'future_combo', 'option_combo')

),

{{ staged_instruments('deribit', 'listed') }}
