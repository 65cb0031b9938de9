-- size: ctVal x ctMult, in base coin where ctType is linear and in USD where it is inverse.
-- names: instFamily starts with base and quote; state: `state`. Contract sizes change, hence versions.
-- https://www.okx.com/docs-v5/en/#public-data-rest-api-get-instruments
with

listed as (

    select
        *,
        entry ->> 'instId' as instrument,
        coalesce(nullif(entry ->> 'instFamily', ''), entry ->> 'uly') as family,
        split_part(family, '-', 1) as venue_asset,
        split_part(split_part(family, '-', 2), '_', 1) as quote_asset,
        -- A contract sized in its base coin is linear and one sized in dollars inverse, by ctType and
        -- by the coin of ctVal; where the two disagree it is neither.
        case
            when (entry ->> 'ctType') = 'linear' and (entry ->> 'ctValCcy') = venue_asset
                then 'linear'
            when (entry ->> 'ctType') = 'inverse' and (entry ->> 'ctValCcy') = quote_asset
                then 'inverse'
            when (entry ->> 'ctType') in ('linear', 'inverse') then 'quanto'
        end as contract_type,
        try_cast(
            try_cast(entry ->> 'ctVal' as decimal(25, 12))
            * try_cast(coalesce(nullif(entry ->> 'ctMult', ''), '1') as decimal(13, 0))
            as decimal(38, 12)
        ) as contract_size,
        entry ->> 'state' as status,
        {{ epoch_ms_at("entry ->> 'listTime'") }} as listed_at,

    from {{ rest_rows(
        'okx', 'instruments', ['/api/v5/public/instruments'], rows_at='$.data'
    ) }}

    -- An unknown type has no contract's ctType and is rejected for that.
    where entry is null
        or coalesce(entry ->> 'instType', '') not in ('SPOT', 'MARGIN', 'OPTION')

),

{{ staged_instruments('okx', 'listed') }}
