-- size: `openInterest` in contracts, one-sided; in coins only what the contract says: linear ones
--   1 / underlyingToPositionMultiplier, inverse ones openValue, in satoshis or Gwei.
-- time: the row's `timestamp`.
-- https://www.bitmex.com/api/explorer/#!/Instrument/Instrument_getActive
with

interpreted as (

    select
        *,
        (entry ->> 'isInverse') = 'true' as is_inverse,
        entry ->> 'openInterest' as oi_contracts,
        case
            when is_inverse
                then try_cast(entry ->> 'openValue' as double)
                    / case entry ->> 'settlCurrency' when 'XBt' then 1e8 when 'Gwei' then 1e9 end
            when (entry ->> 'isQuanto') = 'true' then null
            else try_cast(entry ->> 'openInterest' as double)
                / nullif(try_cast(entry ->> 'underlyingToPositionMultiplier' as double), 0)
        end as oi_base,
        if(is_inverse, entry ->> 'openInterest', null) as oi_usd,

    from {{ bitmex_instruments() }}

),

{{ staged_open_interest('bitmex', 'interpreted') }}
