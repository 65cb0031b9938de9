-- price: premiumIndex gives mark and index of one instant; klines are bars of spot, mark, index or a
--   contract's own trades (`last`). COIN-M volume columns are contracts, then base coin.
-- time: a bar is known at its end. Spot dumps are in microseconds since 2025-01-01, futures dumps in
--   milliseconds, recognised by magnitude, file by file. Older dumps have no header.
-- https://github.com/binance/binance-public-data#readme
with

marks as (

    select
        *,
        entry ->> 'symbol' as instrument,
        {{ epoch_ms_at("entry ->> 'time'") }} as observed_at,
        entry ->> 'markPrice' as mark_usd,
        -- An index that is not calculated is published as zero.
        if(try_cast(entry ->> 'indexPrice' as double) = 0, null, entry ->> 'indexPrice')
            as index_usd,

    from {{ rest_rows(
        'binance', 'premium_index', ['/v1/premiumIndex'], single='markPrice'
    ) }}

),

{{ price_points('marks') }}

bar_answers as (

    from {{ rest_rows('binance', 'spot_bars', ['/api/v3/klines']) }}
    union all
    from {{ rest_rows('binance', 'mark_bars', [
        '/v1/klines', '/v1/markPriceKlines', '/v1/indexPriceKlines',
    ]) }}

),

bars_from_rest as (

    select
        batch_id,
        raw_object,
        raw_line,
        row_in_line,
        source_kind,
        received_at,
        sealed_at,
        coalesce(
            params ->> 'symbol',
            (params ->> 'pair') || if(contains(url, '/dapi/'), '_PERP', '')
        ) as instrument,
        case
            when ends_with(url, '/api/v3/klines') then 'spot'
            when ends_with(url, '/markPriceKlines') then 'mark'
            when ends_with(url, '/indexPriceKlines') then 'index'
            else 'last'
        end as price_kind,
        entry ->> 0 as open_time,
        entry ->> 1 as open_usd,
        entry ->> 2 as high_usd,
        entry ->> 3 as low_usd,
        entry ->> 4 as close_usd,
        entry ->> 5 as volume,
        entry ->> 6 as close_time,
        entry ->> 7 as quote_volume,
        reject_reason,

    from bar_answers

),

dump_rows as (

    from {{ binance_kline_files('spot_bars') }}
    union all
    from {{ binance_kline_files('mark_bars') }}

),

bars_from_dumps as (

    select
        batch_id,
        raw_object,
        raw_line,
        row_in_line,
        'dump' as source_kind,
        received_at,
        sealed_at,
        regexp_extract(name, '([^/]+?)-[0-9]+[a-z]+-[0-9]{4}-[0-9]{2}', 1) as instrument,
        -- Names without a path (imports) do not distinguish spot from mark bars; only mark bars
        -- have no volume all day.
        case
            when contains(name, '/markPriceKlines/') then 'mark'
            when contains(name, '/indexPriceKlines/') then 'index'
            when contains(name, '/futures/') then 'last'
            when contains(name, '/spot/') or has_volume then 'spot'
        end as price_kind,
        open_time,
        open as open_usd,
        high as high_usd,
        low as low_usd,
        close as close_usd,
        volume,
        close_time,
        quote_volume,
        case
            when has_wrong_width then 'wrong_column_count'
            when price_kind is null then 'unknown_price_kind'
        end as reject_reason,

    from (
        select
            *,
            bool_or(try_cast(volume as double) > 0) over (partition by batch_id, raw_object)
                as has_volume,
        from dump_rows
    ) as dump_rows

),

bars as (

    select
        *,
        {{ parse_symbol('binance', 'instrument') }} as parsed_symbol,
        {{ epoch_ms_or_us_at('open_time') }} as observed_at,
        {{ epoch_ms_or_us_at('close_time') }} as last_instant_at,
        try_cast(round(epoch(last_instant_at - observed_at)) as integer) as bar_seconds,
        {{ seconds_after('observed_at', 'bar_seconds') }} as close_at,
        if(price_kind in ('spot', 'last'), volume, null) as stated_volume,
        if(price_kind in ('spot', 'last'), quote_volume, null) as stated_quote_volume,

    from (
        from bars_from_rest
        union all by name
        from bars_from_dumps
    ) as bars

),

valued_bars as (

    select
        * exclude (
            parsed_symbol, volume, quote_volume, stated_volume, stated_quote_volume, open_time,
            close_time, last_instant_at
        ),
        if(
            parsed_symbol.contract_type = 'inverse', stated_quote_volume, stated_volume
        ) as volume_base,
        if(
            parsed_symbol.contract_type = 'inverse',
            (
                try_cast(stated_volume as double) * if(parsed_symbol.venue_asset = 'BTC', 100, 10)
            )::varchar,
            stated_quote_volume
        ) as volume_usd,

    from bars

),

unioned as (

    from points
    union all by name
    from valued_bars

),

{{ staged_bars('binance', 'unioned') }}
