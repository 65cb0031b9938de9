-- price: `index_price` of an instant, and bars of the mark price.
-- time: `index_ts`; bars at their start in seconds (`id`), known at their end.
-- https://www.htx.com/en-us/opend/newApiPages/?id=8cb7bfb2-77b5-11ed-9966-0242ac110003
-- https://www.htx.com/en-us/opend/newApiPages/?id=5d517ae2-77b6-11ed-9966-0242ac110003
with

marks as (

    select
        *,
        entry ->> 'contract_code' as instrument,
        {{ epoch_ms_at("entry ->> 'index_ts'") }} as observed_at,
        null::varchar as mark_usd,
        entry ->> 'index_price' as index_usd,

    from {{ rest_rows(
        'htx', 'prices', ['/linear-swap-api/v1/swap_index', '/swap-api/v1/swap_index'],
        rows_at='$.data'
    ) }}

),

{{ price_points('marks') }}

bars as (

    select
        * exclude (reject_reason),
        params ->> 'contract_code' as instrument,
        'mark' as price_kind,
        case params ->> 'period'
            when '1min' then 60 when '5min' then 300 when '60min' then 3600 when '1day' then 86400
        end as bar_seconds,
        {{ epoch_s_at("entry ->> 'id'") }} as observed_at,
        {{ seconds_after('observed_at', 'bar_seconds') }} as close_at,
        entry ->> 'open' as open_usd,
        entry ->> 'high' as high_usd,
        entry ->> 'low' as low_usd,
        entry ->> 'close' as close_usd,
        null::varchar as volume_base,
        null::varchar as volume_usd,
        reject_reason,

    from {{ rest_rows(
        'htx', 'prices',
        [
            '/index/market/history/linear_swap_mark_price_kline',
            '/index/market/history/swap_mark_price_kline',
        ],
        rows_at='$.data'
    ) }}

),

unioned as (

    from points
    union all by name
    from bars

),

{{ staged_bars('htx', 'unioned') }}
