-- size: ctVal x ctMult, in base coin where ctType is linear and in USD where it is inverse.
-- names: instFamily starts with base and quote; state: `state`. Contract sizes change, hence versions.
-- https://www.okx.com/docs-v5/en/#public-data-rest-api-get-instruments
with

listed as (

    from {{ rest_rows(
        'okx', 'instruments', ['/api/v5/public/instruments'], rows_at='$.data'
    ) }}

    where entry is null or (entry ->> 'instType') in ('SWAP', 'FUTURES')

),

named as (

    select
        *,
        coalesce(nullif(entry ->> 'instFamily', ''), entry ->> 'uly') as family,
        split_part(family, '-', 1) as venue_asset,
        split_part(split_part(family, '-', 2), '_', 1) as quote_asset,

    from listed

),

final as (

    select
        batch_id,
        raw_object,
        raw_line,
        row_in_line::integer as row_in_line,
        received_at,
        sealed_at,
        'okx' as venue,
        entry ->> 'instId' as instrument,
        -- A contract that counts in its base coin is linear and one that counts in dollars inverse,
        -- in words and in the coin; where the two differ it is neither.
        case
            when (entry ->> 'ctType') = 'linear' and (entry ->> 'ctValCcy') = venue_asset
                then 'linear'
            when (entry ->> 'ctType') = 'inverse' and (entry ->> 'ctValCcy') = quote_asset
                then 'inverse'
            when (entry ->> 'ctType') in ('linear', 'inverse') then 'quanto'
        end as contract_type,
        venue_asset,
        {{ normalised_asset('venue_asset') }} as base_asset,
        quote_asset,
        try_cast(
            try_cast(entry ->> 'ctVal' as decimal(25, 12))
            * try_cast(coalesce(nullif(entry ->> 'ctMult', ''), '1') as decimal(13, 0))
            as decimal(38, 12)
        ) as contract_size,
        lower(entry ->> 'state') as status,
        {{ epoch_ms_at("entry ->> 'listTime'") }} as listed_at,
        coalesce(received_at, sealed_at) as observed_at,
        date_trunc('hour', coalesce(received_at, sealed_at)) as hour_at,
        {{ instrument_reject_reason("entry") }} as reject_reason,

    from named

)

from final
