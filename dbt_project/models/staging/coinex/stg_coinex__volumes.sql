-- volume: of linear contracts `value` in quote coin and `volume` in base coin, of the last 24 hours
--   (`period` 86400); the unit of inverse ones is not documented.
-- time: of receipt, since the answer has no timestamp.
-- https://docs.coinex.com/api/v2/futures/market/http/list-market-ticker
with

interpreted as (

    select
        *,
        coalesce(try_cast(entry ->> 'period' as integer), 86400) // 3600 as window_hours,
        entry ->> 'volume' as volume_base,
        entry ->> 'value' as volume_usd,

    from {{ coinex_tickers() }}

    where entry is null
        or (not is_inverse and nullif(entry ->> 'value', '') is not null)

),

{{ staged_volumes('coinex', 'interpreted') }}
