-- volume: `quoteVolume` in quote coin and `volume` in base coin, of the last 24 hours.
-- time: `closeTime`, the window's end.
-- https://github.com/asterdex/api-docs
with

interpreted as (

    select
        *,
        entry ->> 'symbol' as instrument,
        {{ epoch_ms_at("entry ->> 'closeTime'") }} as observed_at,
        24 as window_hours,
        entry ->> 'volume' as volume_base,
        entry ->> 'quoteVolume' as volume_usd,

    from {{ rest_rows('aster', 'tickers', ['/fapi/v1/ticker/24hr'], single='quoteVolume') }}

),

{{ staged_volumes('aster', 'interpreted') }}
