-- price: mark-price gives the mark of one instant; mark-price candles are bars, of which only
--   confirmed ones (last value 1) are finished.
-- time: `ts`; bars at their start, newest first, known at their end.
-- https://www.okx.com/docs-v5/en/#public-data-rest-api-get-mark-price
with

marks as (

    select
        *,
        entry ->> 'instId' as instrument,
        {{ epoch_ms_at("entry ->> 'ts'") }} as observed_at,
        entry ->> 'markPx' as mark_usd,
        null::varchar as index_usd,

    from {{ rest_rows(
        'okx', 'premium_index', ['/api/v5/public/mark-price'], rows_at='$.data'
    ) }}

    where entry is null
        or coalesce(entry ->> 'instType', 'SWAP') not in ('SPOT', 'MARGIN', 'OPTION')

),

{{ price_points('marks') }}

bars as (

    select
        * exclude (reject_reason),
        params ->> 'instId' as instrument,
        'mark' as price_kind,
        {{ bar_seconds("coalesce(params ->> 'bar', '1m')") }} as bar_seconds,
        {{ epoch_ms_at("entry ->> 0") }} as observed_at,
        {{ seconds_after('observed_at', 'bar_seconds') }} as close_at,
        entry ->> 1 as open_usd,
        entry ->> 2 as high_usd,
        entry ->> 3 as low_usd,
        entry ->> 4 as close_usd,
        null::varchar as volume_base,
        null::varchar as volume_usd,
        coalesce(reject_reason, if((entry ->> 5) = '0', 'unfinished_bar', null)) as reject_reason,

    from {{ rest_rows(
        'okx',
        'mark_bars',
        ['/api/v5/market/mark-price-candles', '/api/v5/market/history-mark-price-candles'],
        rows_at='$.data'
    ) }}

),

unioned as (

    from points
    union all by name
    from bars

),

{{ staged_bars('okx', 'unioned') }}
