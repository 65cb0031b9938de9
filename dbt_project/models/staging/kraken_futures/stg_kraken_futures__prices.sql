-- price: `markPrice` and `indexPrice` of the tickers, and candles of the mark, which have no volume.
-- time: the answer's `serverTime`; candles at their start in ms, known at their end.
-- https://docs.kraken.com/api/docs/futures-api/trading/get-tickers
-- https://docs.kraken.com/api/docs/futures-api/charts/candles
with

marks as (

    select
        *,
        entry ->> 'markPrice' as mark_usd,
        entry ->> 'indexPrice' as index_usd,

    from {{ kraken_futures_tickers() }}

),

{{ price_points('marks') }}

bars as (

    select
        *,
        regexp_extract(url, '/mark/([^/]+)/[^/]+$', 1) as instrument,
        'mark' as price_kind,
        {{ bar_seconds("regexp_extract(url, '[^/]+$')") }} as bar_seconds,
        {{ epoch_ms_at("entry ->> 'time'") }} as observed_at,
        {{ seconds_after('observed_at', 'bar_seconds') }} as close_at,
        entry ->> 'open' as open_usd,
        entry ->> 'high' as high_usd,
        entry ->> 'low' as low_usd,
        entry ->> 'close' as close_usd,
        null::varchar as volume_base,
        null::varchar as volume_usd,

    from {{ rest_rows(
        'kraken_futures', 'mark_bars', ['/api/charts/v1/mark/*'], rows_at='$.candles'
    ) }}

),

unioned as (

    from points
    union all by name
    from bars

),

{{ staged_bars('kraken_futures', 'unioned') }}
