-- volume: of linear contracts `turnover24h` in quote coin and `volume24h` in base coin; of inverse
--   ones `volume24h` in USD and `turnover24h` in base coin.
-- time: the answer's own `time`; tickers carry none.
-- https://bybit-exchange.github.io/docs/v5/market/tickers
with

answered as (

    select
        *,
        entry ->> 'symbol' as instrument,
        {{ epoch_ms_at('answered_ms') }} as observed_at,
        24 as window_hours,
        {{ is_inverse_by_name('bybit', 'instrument') }} as is_inverse,

    from {{ bybit_tickers() }}

    -- Contracts before their trading starts carry empty texts.
    where entry is null or nullif(entry ->> 'turnover24h', '') is not null

),

interpreted as (

    select
        *,
        if(is_inverse, entry ->> 'turnover24h', entry ->> 'volume24h') as volume_base,
        if(is_inverse, entry ->> 'volume24h', entry ->> 'turnover24h') as volume_usd,

    from answered

),

{{ staged_volumes('bybit', 'interpreted') }}
