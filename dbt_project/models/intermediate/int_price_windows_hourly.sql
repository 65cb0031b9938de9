-- One row per hour and base_asset with a price: figures over its last hours. Nothing here uses an hour
-- after hour_at. A figure is null where under three quarters of its window's hours have a price.
-- Sums are of decimals, so that a window gives the same digits whichever hours are read with it.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}

with

prices as (

    from {{ ref('int_asset_prices_hourly') }}

    where hour_at >= {{ first_hour_read(168) }}
        and coalesce(close_usd, low_usd) > 0

),

steps as (

    select
        *,
        -- Within one series: a change of venue or of kind is not a return.
        {{ natural_log('(close_usd / hour_before_close_usd)') }} as log_return,
        try_cast(volume_usd as decimal(38, 4)) as traded_usd,
        try_cast(volume_usd / ((high_usd + low_usd + close_usd) / 3) as decimal(38, 12))
            as traded_base,
        case when count(high_usd) over before_72h >= 54 then max(high_usd) over before_72h end
            as high_before_usd,

    from prices

    window
        by_hour as (partition by base_asset order by hour_at),
        before_72h as (
            by_hour range between interval 72 hour preceding and interval 1 hour preceding
        )

),

windowed as (

    select
        hour_at,
        base_asset,
        close_usd,
        (high_usd - low_usd) as range_usd,
        log_return,
        (count(log_return) over last_24h)::integer as returns_24h,
        sum(try_cast(log_return * log_return as decimal(38, 18))) over last_24h as squares_24h,
        count(low_usd) over last_24h as lows_24h,
        min(low_usd) over last_24h as lowest_24h_usd,
        -- Where the low was touched more than once, the last touch.
        first_value(hour_at order by low_usd asc nulls last, hour_at desc) over last_24h
            as lowest_24h_at,
        first_value(high_before_usd order by low_usd asc nulls last, hour_at desc) over last_24h
            as high_before_lowest_usd,
        count(traded_base) over last_7d as traded_hours_7d,
        sum(traded_usd) filter (where traded_base is not null) over last_7d as traded_7d_usd,
        sum(traded_base) filter (where traded_usd is not null) over last_7d as traded_7d_base,
        count(low_usd) over centred_25h as lows_25h,
        min(low_usd) over centred_25h as lowest_25h_usd,
        max(low_usd) over (
            by_hour range between interval 12 hour preceding and interval 12 hour preceding
        ) as centre_low_usd,
        max(available_at) over last_7d as available_at,

    from steps

    window
        by_hour as (partition by base_asset order by hour_at),
        last_24h as (by_hour range between interval 23 hour preceding and current row),
        last_7d as (by_hour range between interval 167 hour preceding and current row),
        -- The 25 hours about the hour 12 hours ago, the last of which has just ended.
        centred_25h as (by_hour range between interval 24 hour preceding and current row)

),

final as (

    select
        hour_at,
        base_asset,
        close_usd,
        range_usd,
        round(log_return, 12) as log_return,
        returns_24h,
        -- Root of the sum of 24 squared hourly log returns, about a mean of zero; a missing hour
        -- counts as an average one. In units of one day: 0.03 is 3% a day.
        case
            when returns_24h >= 18 then round(sqrt(24 * squares_24h::double / returns_24h), 8)
        end as realised_volatility_24h,
        case when lows_24h >= 18 then lowest_24h_usd end as low_24h_usd,
        case when lows_24h >= 18 then lowest_24h_at end as low_24h_at,
        case when lows_24h >= 18 then high_before_lowest_usd end as high_72h_before_low_usd,
        case
            when traded_hours_7d >= 126 and traded_7d_base > 0
                then round(traded_7d_usd::double / traded_7d_base::double, 12)
        end as vwap_7d_usd,
        case
            when lows_25h >= 19 and centre_low_usd = lowest_25h_usd then centre_low_usd
        end as confirmed_swing_low_usd,
        available_at,

    from windowed

    where hour_at in {{ build_hours() }}

)

select *,

from final

order by hour_at
