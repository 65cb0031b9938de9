-- size: one base coin.
-- names: `baseCoin` is the venue's own spelling; state: `status`.
-- https://www.bitget.com/api-doc/uta/public/Instruments
with

listed as (

    select
        *,
        entry ->> 'symbol' as instrument,
        if((params ->> 'category') = 'COIN-FUTURES', 'inverse', 'linear') as contract_type,
        entry ->> 'baseCoin' as venue_asset,
        entry ->> 'quoteCoin' as quote_asset,
        1 as contract_size,
        entry ->> 'status' as status,
        {{ epoch_ms_at("entry ->> 'launchTime'") }} as listed_at,

    from {{ rest_rows('bitget', 'instruments', ['/api/v3/market/instruments'], rows_at='$.data') }}

    where coalesce(params ->> 'category', '') not in ('SPOT', 'MARGIN')

),

{{ staged_instruments('bitget', 'listed') }}
