-- A row stands under the last hour that it has used: while an episode is open or its recovery not yet
-- known, the newest hour of the warehouse; then the 24th hour after the episode's last, for ever.

with

spine as (

    select max(hour_at) as last_hour_at,

    from {{ source('ops', 'hours') }}

),

found as (

    select
        *,
        hour_at as closing_hour_at,
        last_hour_at + interval 24 hour as recovery_hour_at,

    from {{ ref('int_liquidation_episodes') }}

    where hour_at >= {{ first_hour_read(24) }}

),

fits as (

    from {{ ref('int_liquidation_episode_fits') }}

    where hour_at >= {{ first_hour_read(24) }}

),

classes as (

    from {{ ref('unwind_classification') }}

    where hour_at >= {{ first_hour_read(24) }}

),

prices as (

    select
        hour_at,
        base_asset,
        close_usd,
        available_at,

    from {{ ref('int_asset_prices_hourly') }}

    where hour_at in {{ build_hours() }}

),

episodes as (

    select
        found.* exclude (hour_at),
        least(
            case when not found.is_open then found.recovery_hour_at end, spine.last_hour_at
        ) as hour_at,
        not found.is_open and found.recovery_hour_at <= spine.last_hour_at as is_confirmed,

    from found
    cross join spine

),

final as (

    select
        episodes.hour_at,
        episodes.base_asset,
        episodes.started_at,
        episodes.ended_at,
        episodes.closed_at,
        episodes.is_open,
        episodes.is_cut,
        episodes.open_threshold_usd,
        episodes.close_threshold_usd,
        {{ var('episode_floor_usd') }}::decimal(38, 4) as floor_usd,
        episodes.threshold_history_hours,
        {%- for side in ['long', 'short', 'total'] %}
        {%- for end in ['', '_low', '_mid', '_high'] %}
        episodes.{{ side }}_usd{{ end }},
        {%- endfor %}
        {%- endfor %}
        episodes.has_unestimated_part,
        episodes.is_lower_bound,
        episodes.is_incomplete,
        episodes.long_events,
        episodes.short_events,
        episodes.long_venues,
        episodes.peak_minute_at,
        episodes.peak_minute_share,
        episodes.top_10_minutes_share,
        episodes.half_life_minutes,
        episodes.first_mover,
        episodes.first_mover_lead_seconds,
        episodes.oi_start_base,
        episodes.oi_end_base,
        episodes.oi_instruments,
        episodes.oi_change_share,
        episodes.start_price_usd,
        episodes.low_price_usd,
        episodes.drawdown_share,
        case when not episodes.is_open then classes.unwind_class end as unwind_class,
        case when not episodes.is_open then classes.deciding_rule end as deciding_rule,
        fits.fitted_events,
        fits.base_rate,
        fits.decay_rate,
        fits.branching_ratio,
        fits.branching_ratio_low,
        fits.branching_ratio_high,
        fits.ks_statistic,
        fits.ks_p_value,
        case when episodes.is_confirmed then prices.close_usd end as price_24h_later_usd,
        case
            when episodes.is_confirmed and episodes.start_price_usd > episodes.low_price_usd
                then round(
                    (prices.close_usd - episodes.low_price_usd)
                    / (episodes.start_price_usd - episodes.low_price_usd),
                    6
                )
        end as recovery_24h,
        case when episodes.is_confirmed then episodes.recovery_hour_at + interval 1 hour end
            as confirmed_at,
        episodes.hour_at + interval 1 hour as as_of_at,
        greatest(
            episodes.available_at,
            case when not episodes.is_open then classes.available_at end,
            case when episodes.is_confirmed then prices.available_at end
        ) as available_at,

    from episodes
    left join fits
        on episodes.base_asset = fits.base_asset
        and episodes.started_at = fits.started_at
    left join classes
        on episodes.base_asset = classes.base_asset
        and episodes.closing_hour_at = classes.hour_at
    left join prices
        on episodes.base_asset = prices.base_asset
        and episodes.recovery_hour_at = prices.hour_at

    where episodes.hour_at in {{ build_hours() }}

)

select *,

from final

order by hour_at
