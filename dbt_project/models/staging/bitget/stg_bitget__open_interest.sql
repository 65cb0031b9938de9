-- size: `openInterest`, one-sided, in base coin.
-- time: the row's `ts`, else the answer's requestTime.
-- https://www.bitget.com/api-doc/uta/public/Tickers
with

interpreted as (

    select
        *,
        null::varchar as oi_contracts,
        entry ->> 'openInterest' as oi_base,
        null::varchar as oi_usd,

    from {{ bitget_tickers() }}

),

{{ staged_open_interest('bitget', 'interpreted') }}
