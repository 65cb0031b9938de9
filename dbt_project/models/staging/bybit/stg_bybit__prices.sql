-- price: tickers give mark and index of one instant; klines are bars of mark, index or the contract's
--   own trades (`last`). Inverse volume is in USD and its turnover in base coin.
-- time: tickers at the answer's `time`; bars at their start, newest first, known at their end.
-- https://bybit-exchange.github.io/docs/v5/market/mark-kline
with

marks as (

    select
        *,
        entry ->> 'symbol' as instrument,
        {{ epoch_ms_at('answered_ms') }} as observed_at,
        entry ->> 'markPrice' as mark_usd,
        entry ->> 'indexPrice' as index_usd,

    from {{ bybit_tickers() }}

),

{{ price_points('marks') }}

bar_answers as (

    from {{ rest_rows(
        'bybit',
        'mark_bars',
        ['/v5/market/kline', '/v5/market/mark-price-kline', '/v5/market/index-price-kline'],
        rows_at='$.result.list',
        answered={'category': '$.result.category', 'symbol': '$.result.symbol'}
    ) }}

    where coalesce(category, '') not in ('spot', 'option')

),

bars as (

    select
        *,
        coalesce(symbol, params ->> 'symbol') as instrument,
        case
            when ends_with(url, '/mark-price-kline') then 'mark'
            when ends_with(url, '/index-price-kline') then 'index'
            else 'last'
        end as price_kind,
        case params ->> 'interval'
            when 'D' then 86400
            when 'W' then 604800
            else {{ bar_seconds("(params ->> 'interval') || 'm'") }}
        end as bar_seconds,
        {{ epoch_ms_at("entry ->> 0") }} as observed_at,
        {{ seconds_after('observed_at', 'bar_seconds') }} as close_at,
        entry ->> 1 as open_usd,
        entry ->> 2 as high_usd,
        entry ->> 3 as low_usd,
        entry ->> 4 as close_usd,
        category = 'inverse' as is_inverse,
        if(is_inverse, entry ->> 6, entry ->> 5) as volume_base,
        if(is_inverse, entry ->> 5, entry ->> 6) as volume_usd,

    from bar_answers

),

unioned as (

    from points
    union all by name
    from bars

),

{{ staged_bars('bybit', 'unioned') }}
