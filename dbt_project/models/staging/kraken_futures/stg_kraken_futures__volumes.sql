-- volume: `volumeQuote` in USD, of the last 24 hours; `vol24h` in base coin of PF and FF contracts, in
--   USD of PI and FI ones.
-- time: the answer's `serverTime`.
-- https://docs.kraken.com/api/docs/futures-api/trading/get-tickers
with

interpreted as (

    select
        *,
        24 as window_hours,
        if(
            {{ is_inverse_by_name('kraken_futures', 'instrument') }}, null, entry ->> 'vol24h'
        ) as volume_base,
        entry ->> 'volumeQuote' as volume_usd,

    from {{ kraken_futures_tickers() }}

    where entry is null or nullif(entry ->> 'volumeQuote', '') is not null

),

{{ staged_volumes('kraken_futures', 'interpreted') }}
