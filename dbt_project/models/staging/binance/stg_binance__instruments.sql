-- size: USD-M contracts are one base coin; COIN-M contracts are `contractSize` USD.
-- names: baseAsset is the venue's own spelling (1000PEPE); state: `status`, COIN-M `contractStatus`.
-- time: ours, since `serverTime` of this cached answer was seen a day and a half old.
-- https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api/Exchange-Information
with

listed as (

    select
        *,
        entry ->> 'symbol' as instrument,
        if((entry ->> 'contractSize') is null, 'linear', 'inverse') as contract_type,
        entry ->> 'baseAsset' as venue_asset,
        entry ->> 'quoteAsset' as quote_asset,
        coalesce(entry ->> 'contractSize', '1') as contract_size,
        coalesce(entry ->> 'status', entry ->> 'contractStatus') as status,
        {{ epoch_ms_at("entry ->> 'onboardDate'") }} as listed_at,

    from {{ rest_rows(
        'binance', 'instruments', ['/v1/exchangeInfo'], rows_at='$.symbols'
    ) }}

),

{{ staged_instruments('binance', 'listed') }}
