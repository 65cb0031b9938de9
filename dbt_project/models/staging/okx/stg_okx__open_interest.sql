-- size: one-sided; `oi` in contracts, oiCcy in base coin, oiUsd in USD; histories are arrays of
--   time, contracts, base coin, USD.
-- time: `ts`, or the array's first value.
-- https://www.okx.com/docs-v5/en/#public-data-rest-api-get-open-interest
with

current_answers as (

    from {{ rest_rows(
        'okx', 'open_interest', ['/api/v5/public/open-interest'], rows_at='$.data'
    ) }}

    where entry is null or coalesce(entry ->> 'instType', 'SWAP') in ('SWAP', 'FUTURES')

),

history_answers as (

    from {{ rest_rows(
        'okx',
        'open_interest',
        ['/api/v5/rubik/stat/contracts/open-interest-history'],
        rows_at='$.data'
    ) }}

),

meant as (

    select
        *,
        'rest' as source_kind,
        entry ->> 'instId' as instrument,
        {{ epoch_ms_at("entry ->> 'ts'") }} as observed_at,
        entry ->> 'oi' as oi_contracts,
        entry ->> 'oiCcy' as oi_base,
        entry ->> 'oiUsd' as oi_usd,
        if(entry is null, 'unreadable_json', null) as reject_reason,

    from current_answers

    union all by name

    select
        *,
        'rest' as source_kind,
        params ->> 'instId' as instrument,
        {{ epoch_ms_at("entry ->> 0") }} as observed_at,
        entry ->> 1 as oi_contracts,
        entry ->> 2 as oi_base,
        entry ->> 3 as oi_usd,
        if(entry is null, 'unreadable_json', null) as reject_reason,

    from history_answers

),

{{ staged_observations(
    'okx',
    'meant',
    numbers={'oi_contracts': 'not_negative', 'oi_base': 'not_negative', 'oi_usd': 'not_negative'},
    required=['oi_contracts'],
) }}
