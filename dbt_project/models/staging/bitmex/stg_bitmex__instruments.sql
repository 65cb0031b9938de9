-- size: linear contracts are 1 / underlyingToPositionMultiplier coins, inverse ones 1 USD, quantos
--   `multiplier` satoshis of XBT per dollar of price.
-- names: `underlying` is the venue's own spelling (XBT); state: `state`.
-- https://www.bitmex.com/api/explorer/#!/Instrument/Instrument_getActive
with

listed as (

    select
        * exclude (observed_at),
        case
            -- A quanto's payout is counted in satoshis; other currencies have other units.
            when (entry ->> 'isQuanto') = 'true'
                and coalesce(entry ->> 'settlCurrency', 'XBt') != 'XBt'
                then null
            when (entry ->> 'isQuanto') = 'true' then 'quanto'
            when (entry ->> 'isInverse') = 'true' then 'inverse'
            else 'linear'
        end as contract_type,
        entry ->> 'underlying' as venue_asset,
        entry ->> 'quoteCurrency' as quote_asset,
        case contract_type
            when 'linear'
                then 1 / nullif(try_cast(entry ->> 'underlyingToPositionMultiplier' as double), 0)
            when 'inverse' then 1
            else abs(try_cast(entry ->> 'multiplier' as double)) / 1e8
        end as contract_size,
        entry ->> 'state' as status,
        {{ iso_at("entry ->> 'listing'") }} as listed_at,

    from {{ bitmex_instruments() }}

),

{{ staged_instruments('bitmex', 'listed') }}
