-- size: one-sided; `oi` in contracts, oiCcy in base coin, oiUsd in USD; histories are arrays of
--   time, contracts, base coin, USD.
-- time: `ts`, or the array's first value.
-- https://www.okx.com/docs-v5/en/#public-data-rest-api-get-open-interest
with

interpreted as (

    select
        *,
        entry ->> 'instId' as instrument,
        {{ epoch_ms_at("entry ->> 'ts'") }} as observed_at,
        entry ->> 'oi' as oi_contracts,
        entry ->> 'oiCcy' as oi_base,
        entry ->> 'oiUsd' as oi_usd,

    from {{ rest_rows(
        'okx', 'open_interest', ['/api/v5/public/open-interest'], rows_at='$.data'
    ) }}

    where entry is null
        or coalesce(entry ->> 'instType', 'SWAP') not in ('SPOT', 'MARGIN', 'OPTION')

    union all by name

    select
        *,
        params ->> 'instId' as instrument,
        {{ epoch_ms_at("entry ->> 0") }} as observed_at,
        entry ->> 1 as oi_contracts,
        entry ->> 2 as oi_base,
        entry ->> 3 as oi_usd,

    from {{ rest_rows(
        'okx',
        'open_interest',
        ['/api/v5/rubik/stat/contracts/open-interest-history'],
        rows_at='$.data'
    ) }}

),

{{ staged_open_interest('okx', 'interpreted', required=['oi_contracts']) }}
