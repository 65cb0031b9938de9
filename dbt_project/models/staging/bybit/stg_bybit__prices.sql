-- price: tickers give mark and index of one instant; klines are bars of mark, index or the contract's
--   own trades (`last`). Inverse volume is in USD and its turnover in base coin.
-- time: tickers at the answer's `time`; bars at their start, newest first, known at their end.
-- https://bybit-exchange.github.io/docs/v5/market/mark-kline
with

ticker_answers as (

    from {{ rest_rows(
        'bybit', 'tickers', ['/v5/market/tickers'], rows_at='$.result.list',
        answered={'category': '$.result.category', 'answered_ms': '$.time'}
    ) }}

    where coalesce(category, '') not in ('spot', 'option')

),

points as (

    select
        batch_id,
        raw_object,
        raw_line,
        row_in_line * 2 - if(price.kind = 'mark', 1, 0) as row_in_line,
        received_at,
        sealed_at,
        entry ->> 'symbol' as instrument,
        price.kind as price_kind,
        null::integer as bar_seconds,
        {{ epoch_ms_at('answered_ms') }} as observed_at,
        observed_at as known_at,
        entry ->> price.field as open_usd,
        open_usd as high_usd,
        open_usd as low_usd,
        open_usd as close_usd,
        null::varchar as volume_base,
        null::varchar as volume_usd,
        if(entry is null, 'unreadable_json', null) as reject_reason,

    from ticker_answers,
        (
            values ('mark', 'markPrice'), ('index', 'indexPrice')
        ) as price(kind, field)

    where entry is null or nullif(entry ->> price.field, '') is not null

),

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
        batch_id,
        raw_object,
        raw_line,
        row_in_line,
        received_at,
        sealed_at,
        coalesce(symbol, params ->> 'symbol') as instrument,
        case
            when ends_with(url, '/mark-price-kline') then 'mark'
            when ends_with(url, '/index-price-kline') then 'index'
            else 'last'
        end as price_kind,
        case params ->> 'interval'
            when 'D' then 86400
            when 'W' then 604800
            else try_cast(params ->> 'interval' as integer) * 60
        end as bar_seconds,
        {{ epoch_ms_at("entry ->> 0") }} as observed_at,
        observed_at + to_seconds(bar_seconds) as known_at,
        entry ->> 1 as open_usd,
        entry ->> 2 as high_usd,
        entry ->> 3 as low_usd,
        entry ->> 4 as close_usd,
        category = 'inverse' as is_inverse,
        if(is_inverse, entry ->> 6, entry ->> 5) as volume_base,
        if(is_inverse, entry ->> 5, entry ->> 6) as volume_usd,
        if(entry is null, 'unreadable_json', null) as reject_reason,

    from bar_answers

),

unioned as (

    select *, 'rest' as source_kind from points
    union all by name
    select * exclude (is_inverse), 'rest' as source_kind from bars

),

{{ staged_bars('bybit', 'unioned') }}
