-- size: linear contracts are one base coin, inverse ones one USD.
-- names: `base_ccy`; state: `status`.
-- https://docs.coinex.com/api/v2/futures/market/http/list-market
with

listed as (

    select
        *,
        trim(entry ->> 'market') as instrument,
        entry ->> 'contract_type' as contract_type,
        entry ->> 'base_ccy' as venue_asset,
        entry ->> 'quote_ccy' as quote_asset,
        1 as contract_size,
        entry ->> 'status' as status,
        null::timestamp as listed_at,

    from {{ rest_rows('coinex', 'instruments', ['/v2/futures/market'], rows_at='$.data') }}

),

{{ staged_instruments('coinex', 'listed') }}
