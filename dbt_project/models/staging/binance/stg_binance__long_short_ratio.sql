-- ratio: longs over shorts, of all accounts, of the top traders' accounts and of their positions;
--   taker_volume is taker buys over taker sells of five minutes.
-- time: REST's own timestamp; dumps as in stg_binance__open_interest, a flow at its end.
-- https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api/Long-Short-Ratio
with

answered as (

    from {{ rest_rows('binance', 'long_short_ratio', [
        '/futures/data/globalLongShortAccountRatio',
        '/futures/data/topLongShortAccountRatio',
        '/futures/data/topLongShortPositionRatio',
        '/futures/data/takerlongshortRatio',
    ]) }}

),

from_rest as (

    select
        batch_id,
        raw_object,
        raw_line,
        row_in_line,
        source_kind,
        received_at,
        sealed_at,
        -- Rows of the taker ratio do not name their symbol; COIN-M rows name the pair.
        coalesce(
            entry ->> 'symbol',
            params ->> 'symbol',
            coalesce(entry ->> 'pair', params ->> 'pair') || '_PERP'
        ) as instrument,
        {{ epoch_ms_at("entry ->> 'timestamp'") }} as observed_at,
        case regexp_extract(url, '[^/]+$')
            when 'globalLongShortAccountRatio' then 'accounts'
            when 'topLongShortAccountRatio' then 'top_accounts'
            when 'topLongShortPositionRatio' then 'top_positions'
            when 'takerlongshortRatio' then 'taker_volume'
        end as ratio_kind,
        coalesce(entry ->> 'longShortRatio', entry ->> 'buySellRatio') as long_short_ratio,
        reject_reason,

    from answered

),

metrics as (

    select
        *,
        [
            { 'place': 1, 'kind': 'top_accounts', 'ratio': count_toptrader_long_short_ratio },
            { 'place': 2, 'kind': 'top_positions', 'ratio': sum_toptrader_long_short_ratio },
            { 'place': 3, 'kind': 'accounts', 'ratio': count_long_short_ratio },
            { 'place': 4, 'kind': 'taker_volume', 'ratio': sum_taker_long_short_vol_ratio },
        ] as ratios,
        unnest(ratios) as listed,

    from {{ binance_metrics() }}

),

from_dumps as (

    select
        batch_id,
        raw_object,
        raw_line,
        listed.place as row_in_line,
        'dump' as source_kind,
        received_at,
        sealed_at,
        symbol as instrument,
        measured_at as observed_at,
        listed.kind as ratio_kind,
        listed.ratio as long_short_ratio,
        reject_reason,

    from metrics

    -- An empty cell is a ratio that the venue did not measure.
    where trim(coalesce(listed.ratio, '')) != '' or reject_reason is not null

),

unioned as (

    from from_rest
    union all by name
    from from_dumps

),

{{ staged_long_short_ratio('binance', 'unioned') }}
