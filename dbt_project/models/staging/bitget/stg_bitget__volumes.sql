-- volume: of contracts margined in USDT or USDC `turnover24h` in quote coin and `volume24h` in base
--   coin; the unit of coin-margined ones is undocumented.
-- time: the row's `ts`, else the answer's requestTime.
-- https://www.bitget.com/api-doc/uta/public/Tickers
with

interpreted as (

    select
        *,
        24 as window_hours,
        entry ->> 'volume24h' as volume_base,
        entry ->> 'turnover24h' as volume_usd,

    from {{ bitget_tickers() }}

    where entry is null
        or (
            not {{ is_inverse_by_name('bitget', 'instrument') }}
            and nullif(entry ->> 'turnover24h', '') is not null
        )

),

{{ staged_volumes('bitget', 'interpreted') }}
