{#- A 30-day figure is null unless each of the days has a value. #}
{%- set days_needed = 30 %}

with

breadth as (

    from {{ ref('int_market_breadth_hourly') }}

    where hour_at >= {{ first_hour_read(719) }}

),

-- Thirty non-overlapping days: the 24 hours up to this hour of each of the last 30 days.
daily as (

    select
        as_of.hour_at,
        past.hour_at as day_at,
        past.red_by_count_share,
        past.red_by_cap_share,
        past.mid_median_return_24h - past.large_median_return_24h as mid_minus_large_return,
        past.mid_median_return_24h,
        past.btc_return_24h,
        case
            when past.mid_median_return_24h is not null then past.btc_return_24h > 0
        end as is_up_day,
        past.available_at,

    from breadth as as_of
    inner join breadth as past
        on as_of.hour_at >= past.hour_at
        and past.hour_at > as_of.hour_at - interval 720 hour
        and (epoch(as_of.hour_at) - epoch(past.hour_at))::bigint % 86400 = 0

    where as_of.hour_at in {{ build_hours() }}

),

over_30_days as (

    select
        hour_at,
        count(*) as days,
        case
            when count(red_by_count_share) = {{ days_needed }}
                then sum(try_cast(round(red_by_count_share, 6) as decimal(18, 6)))::double
                    / {{ days_needed }}
        end as red_by_count_share,
        case
            when count(red_by_cap_share) = {{ days_needed }}
                then sum(try_cast(round(red_by_cap_share, 6) as decimal(18, 6)))::double
                    / {{ days_needed }}
        end as red_by_cap_share,
        case
            when count(mid_minus_large_return) = {{ days_needed }}
                then sum(try_cast(round(mid_minus_large_return, 6) as decimal(18, 6)))::double
                    / {{ days_needed }}
        end as mid_minus_large_return,
        count(*) filter (where is_up_day) as up_days,
        case
            when count(is_up_day) = {{ days_needed }}
                then sum(try_cast(round(mid_median_return_24h, 6) as decimal(18, 6)))
                        filter (where is_up_day)::double
                    / nullif(
                        sum(try_cast(round(btc_return_24h, 6) as decimal(18, 6)))
                            filter (where is_up_day),
                        0
                    )::double
        end as upside_capture,
        max(available_at) as available_at,

    from daily

    group by all

),

final as (

    select
        breadth.hour_at,
        breadth.hour_at + interval 1 hour as as_of_at,
        breadth.assets::integer as assets,
        breadth.red_by_count_share,
        breadth.red_by_cap_share,
        breadth.large_median_return_24h,
        breadth.mid_median_return_24h,
        round(breadth.mid_median_return_24h - breadth.large_median_return_24h, 6)
            as mid_minus_large_return_24h,
        breadth.btc_return_24h,
        breadth.market_cap_usd,
        round(breadth.btc_cap_share, 6) as btc_cap_share,
        round(breadth.stablecoin_cap_share, 6) as stablecoin_cap_share,
        round(
            breadth.btc_cap_share - day_before.btc_cap_share
            + breadth.stablecoin_cap_share - day_before.stablecoin_cap_share,
            6
        ) as defensive_rotation,
        breadth.hour_at + interval 1 hour - interval 720 hour as window_start_at,
        breadth.hour_at + interval 1 hour as window_end_at,
        over_30_days.days::integer as days_30d,
        round(over_30_days.red_by_count_share, 6) as mean_red_by_count_share_30d,
        round(over_30_days.red_by_cap_share, 6) as mean_red_by_cap_share_30d,
        round(over_30_days.mid_minus_large_return, 6) as mean_mid_minus_large_return_30d,
        over_30_days.up_days::integer as up_days_30d,
        round(over_30_days.upside_capture, 6) as upside_capture_30d,
        over_30_days.available_at,

    from over_30_days
    inner join breadth
        on over_30_days.hour_at = breadth.hour_at
    left join breadth as day_before
        on over_30_days.hour_at - interval 24 hour = day_before.hour_at

)

select *,

from final

order by hour_at
