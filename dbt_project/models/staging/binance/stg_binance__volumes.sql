-- volume: of USD-M `quoteVolume` in quote coin and `volume` in base coin; of COIN-M `volume` in
--   contracts (100 USD of BTC, 10 USD of others) and `baseVolume` in base coin; of the last 24 hours.
-- time: `closeTime`, the window's end.
-- https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api/24hr-Ticker-Price-Change-Statistics
-- https://developers.binance.com/docs/derivatives/coin-margined-futures/market-data/rest-api/24hr-Ticker-Price-Change-Statistics
with

answered as (

    select
        *,
        entry ->> 'symbol' as instrument,
        {{ epoch_ms_at("entry ->> 'closeTime'") }} as observed_at,
        24 as window_hours,
        contains(url, '/dapi/') as is_coin_margined,

    from {{ rest_rows(
        'binance', 'tickers', ['/fapi/v1/ticker/24hr', '/dapi/v1/ticker/24hr'], single='volume'
    ) }}

),

interpreted as (

    select
        *,
        if(is_coin_margined, entry ->> 'baseVolume', entry ->> 'volume') as volume_base,
        if(
            is_coin_margined,
            (
                try_cast(entry ->> 'volume' as double)
                * if(starts_with(instrument, 'BTCUSD_'), 100, 10)
            )::varchar,
            entry ->> 'quoteVolume'
        ) as volume_usd,

    from answered

),

{{ staged_volumes('binance', 'interpreted') }}
