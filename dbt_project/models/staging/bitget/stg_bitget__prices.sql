-- price: `markPrice` and `indexPrice` of the tickers; candles of the mark, the index or the contract's
--   own trades (`last`), which alone have volumes, in base and in quote coin.
-- time: the row's `ts`, else the answer's requestTime; candles at their start, known at their end.
-- https://www.bitget.com/api-doc/uta/public/Tickers
-- https://www.bitget.com/api-doc/uta/public/Get-Candle-Data
with

marks as (

    select
        *,
        entry ->> 'markPrice' as mark_usd,
        entry ->> 'indexPrice' as index_usd,

    from {{ bitget_tickers() }}

),

{{ price_points('marks') }}

bars as (

    select
        *,
        params ->> 'symbol' as instrument,
        case coalesce(params ->> 'type', 'MARKET')
            when 'MARK' then 'mark' when 'INDEX' then 'index' when 'MARKET' then 'last'
        end as price_kind,
        {{ bar_seconds("params ->> 'interval'") }} as bar_seconds,
        {{ epoch_ms_at("entry ->> 0") }} as observed_at,
        {{ seconds_after('observed_at', 'bar_seconds') }} as close_at,
        entry ->> 1 as open_usd,
        entry ->> 2 as high_usd,
        entry ->> 3 as low_usd,
        entry ->> 4 as close_usd,
        if(price_kind = 'last', entry ->> 5, null) as volume_base,
        if(price_kind = 'last', entry ->> 6, null) as volume_usd,

    from {{ rest_rows('bitget', 'mark_bars', ['/api/v3/market/candles'], rows_at='$.data') }}

    where coalesce(params ->> 'category', '') not in ('SPOT', 'MARGIN')

),

unioned as (

    from points
    union all by name
    from bars

),

{{ staged_bars('bitget', 'unioned') }}
