-- size: `open_interest_volume`, one-sided; base coin of linear contracts, USD of inverse ones.
-- time: of receipt, since the answer has no timestamp.
-- https://docs.coinex.com/api/v2/futures/market/http/list-market-ticker
with

interpreted as (

    select
        *,
        null::varchar as oi_contracts,
        if(is_inverse, null, entry ->> 'open_interest_volume') as oi_base,
        if(is_inverse, entry ->> 'open_interest_volume', null) as oi_usd,

    from {{ coinex_tickers() }}

),

{{ staged_open_interest('coinex', 'interpreted') }}
