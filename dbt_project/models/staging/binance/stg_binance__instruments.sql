-- size: USD-M contracts are one base coin; COIN-M contracts are `contractSize` USD.
-- names: baseAsset is the venue's own spelling (1000PEPE); state: `status`, COIN-M `contractStatus`.
-- time: ours, since `serverTime` of this cached answer was seen a day and a half old.
-- https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api/Exchange-Information
with

listed as (

    from {{ rest_rows(
        'binance', 'instruments', ['/v1/exchangeInfo'], rows_at='$.symbols'
    ) }}

),

final as (

    select
        batch_id,
        raw_object,
        raw_line,
        row_in_line::integer as row_in_line,
        received_at,
        sealed_at,
        'binance' as venue,
        entry ->> 'symbol' as instrument,
        if((entry ->> 'contractSize') is null, 'linear', 'inverse') as contract_type,
        entry ->> 'baseAsset' as venue_asset,
        {{ normalised_asset("(entry ->> 'baseAsset')") }} as base_asset,
        entry ->> 'quoteAsset' as quote_asset,
        coalesce(
            try_cast(entry ->> 'contractSize' as decimal(38, 12)),
            if((entry ->> 'contractSize') is null, 1, null)
        )::decimal(38, 12) as contract_size,
        lower(coalesce(entry ->> 'status', entry ->> 'contractStatus')) as status,
        {{ epoch_ms_at("entry ->> 'onboardDate'") }} as listed_at,
        coalesce(received_at, sealed_at) as observed_at,
        date_trunc('hour', coalesce(received_at, sealed_at)) as hour_at,
        {{ instrument_reject_reason("entry") }} as reject_reason,

    from listed

)

from final
