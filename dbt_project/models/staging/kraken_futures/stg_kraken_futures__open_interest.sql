-- size: `openInterest`, one-sided; USD of PI and FI contracts, base coin of PF and FF ones.
-- time: the answer's `serverTime`.
-- https://docs.kraken.com/api/docs/futures-api/trading/get-tickers
with

meant as (

    select
        *,
        {{ is_inverse_by_name('kraken_futures', 'instrument') }} as is_inverse,
        null::varchar as oi_contracts,
        if(is_inverse, null, entry ->> 'openInterest') as oi_base,
        if(is_inverse, entry ->> 'openInterest', null) as oi_usd,

    from {{ kraken_futures_tickers() }}

),

{{ staged_open_interest('kraken_futures', 'meant') }}
