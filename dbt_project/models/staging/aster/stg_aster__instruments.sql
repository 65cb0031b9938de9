-- size: one base coin.
-- names: baseAsset is the venue's own spelling (1000PEPE); state: `status`.
-- https://github.com/asterdex/api-docs
with

listed as (

    select
        *,
        entry ->> 'symbol' as instrument,
        'linear' as contract_type,
        entry ->> 'baseAsset' as venue_asset,
        entry ->> 'quoteAsset' as quote_asset,
        1 as contract_size,
        entry ->> 'status' as status,
        {{ epoch_ms_at("entry ->> 'onboardDate'") }} as listed_at,

    from {{ rest_rows('aster', 'instruments', ['/fapi/v1/exchangeInfo'], rows_at='$.symbols') }}

),

{{ staged_instruments('aster', 'listed') }}
