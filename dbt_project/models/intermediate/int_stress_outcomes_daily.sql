-- One row per hour of forecast and tracked base_asset: the stress score and its components at the
-- hour's end, and whether long liquidations of the next 1, 4 and 24 hours were an event. It stands
-- under the last hour of the UTC day four days after the forecast's, when the 24 hours have passed
-- and every episode that began in them is over.
--
-- An event is at least the day's threshold, the 99th percentile of sums of as many hours in the 90
-- days before the forecast's day, and at least event_min_oi_bp of the open interest at the hour's
-- end, where that is known.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}
{%- set settled_hours = 24 + (var('episode_max_hours') | int) %}
{%- set oldest_hours = settled_hours + 23 %}
{%- set threshold_hours = var('event_threshold_hours') | int %}
{%- set highest = threshold_hours // 100 + 1 %}

with

days as (

    select
        hour_at,
        hour_at - interval {{ oldest_hours }} hour as first_forecast_at,

    from {{ build_hours() }}

    where hour(hour_at) = 23

),

imbalances as (

    from {{ ref('liquidation_imbalance_hourly') }}

    where base_asset != 'ALL'
        and hour_at >= {{ first_hour_read(oldest_hours + threshold_hours + 3) }}
        and exists (select 1, from days)

),

leverage as (

    from {{ ref('leverage_hourly') }}

    where hour_at >= {{ first_hour_read(oldest_hours) }}
        and exists (select 1, from days)

),

scores as (

    from {{ ref('int_stress_scores') }}

    where base_asset != 'ALL'
        and hour_at >= {{ first_hour_read(oldest_hours) }}
        and exists (select 1, from days)

),

percentiles as (

    from {{ ref('int_stress_percentiles') }}

    where base_asset != 'ALL'
        and hour_at >= {{ first_hour_read(oldest_hours) }}
        and exists (select 1, from days)

),

episodes as (

    from {{ ref('int_liquidation_episodes') }}

    where hour_at >= {{ first_hour_read(oldest_hours) }}
        and exists (select 1, from days)

),

-- Dollars of the 1, 4 and 24 hours that end with the hour; null where not known.
sums as (

    select
        hour_at,
        base_asset,
        long_1h_usd::double as long_1h_usd,
        case
            when count(long_1h_usd) over last_4_hours = 4
                then (sum(long_1h_usd) over last_4_hours)::double
        end as long_4h_usd,
        long_24h_usd::double as long_24h_usd,
        available_at,

    from imbalances

    window last_4_hours as (
        partition by base_asset
        order by hour_at
        range between interval 3 hour preceding and current row
    )

),

-- Of n sums, the one of rank n / 100, rounded down, plus one from the top: at least 99% are at or
-- under it.
ranked as (

    select
        days.hour_at,
        sums.base_asset,
        {%- for hours in [1, 4, 24] %}
        max(sums.long_{{ hours }}h_usd, {{ highest }}) as highest_{{ hours }}h,
        count(sums.long_{{ hours }}h_usd) as known_{{ hours }}h,
        {%- endfor %}
        max(sums.available_at) as available_at,

    from days
    inner join sums
        on days.first_forecast_at - interval {{ threshold_hours }} hour <= sums.hour_at
        and days.first_forecast_at > sums.hour_at

    group by all

),

thresholds as (

    select
        hour_at,
        base_asset,
        {%- for hours in [1, 4, 24] %}
        case
            when known_{{ hours }}h >= {{ var('event_min_history_hours') }}
                then highest_{{ hours }}h[known_{{ hours }}h // 100 + 1]
        end as threshold_{{ hours }}h_usd,
        {%- endfor %}
        available_at,

    from ranked

),

by_component as (

    select
        hour_at,
        base_asset,
        {%- for component in stress_components() %}
        max(percentile) filter (where component = '{{ component }}')
            as {{ component }}_percentile,
        {%- endfor %}

    from percentiles

    group by all

),

forecasts as (

    select
        days.hour_at,
        scores.hour_at as forecast_hour_at,
        scores.hour_at + interval 1 hour as known_at,
        scores.base_asset,
        scores.score,
        scores.available_at,

    from days
    inner join scores
        on days.first_forecast_at <= scores.hour_at
        and days.first_forecast_at + interval 24 hour > scores.hour_at

),

-- Stored under the hour in which they were over; of later ones nothing is known yet.
settled_episodes as (

    select
        forecasts.hour_at,
        forecasts.forecast_hour_at,
        forecasts.base_asset,
        bool_or(episodes.started_at < forecasts.known_at) as is_in_episode,
        min(episodes.started_at) filter (where episodes.started_at >= forecasts.known_at)
            as next_episode_at,
        max(episodes.available_at) as available_at,

    from forecasts
    inner join episodes
        on forecasts.base_asset = episodes.base_asset
        and forecasts.hour_at >= episodes.hour_at
        and forecasts.known_at < episodes.closed_at
        and forecasts.known_at + interval 24 hour > episodes.started_at

    where not episodes.is_open

    group by all

),

compared as (

    select
        forecasts.hour_at,
        forecasts.forecast_hour_at,
        forecasts.base_asset,
        forecasts.score,
        by_component.* exclude (hour_at, base_asset),
        coalesce(settled_episodes.is_in_episode, false) as is_in_episode,
        settled_episodes.next_episode_at,
        own_sums.long_24h_usd / nullif(thresholds.threshold_24h_usd, 0) as lagged_long_ratio,
        {%- for hours in [1, 4, 24] %}
        next_{{ hours }}h.long_{{ hours }}h_usd as next_long_{{ hours }}h_usd,
        -- Where a sum of a hundred is zero at its 99th percentile, anything would be an event.
        case
            when thresholds.threshold_{{ hours }}h_usd > 0
                then greatest(
                    thresholds.threshold_{{ hours }}h_usd,
                    leverage.oi_usd::double * {{ var('event_min_oi_bp') }} / 1e4
                )
        end as event_{{ hours }}h_usd,
        {%- endfor %}
        greatest(
            forecasts.available_at,
            thresholds.available_at,
            leverage.available_at,
            settled_episodes.available_at,
            own_sums.available_at,
            next_1h.available_at,
            next_4h.available_at,
            next_24h.available_at
        ) as available_at,

    from forecasts
    left join by_component
        on forecasts.forecast_hour_at = by_component.hour_at
        and forecasts.base_asset = by_component.base_asset
    left join thresholds
        on forecasts.hour_at = thresholds.hour_at
        and forecasts.base_asset = thresholds.base_asset
    left join leverage
        on forecasts.forecast_hour_at = leverage.hour_at
        and forecasts.base_asset = leverage.base_asset
    left join settled_episodes
        on forecasts.forecast_hour_at = settled_episodes.forecast_hour_at
        and forecasts.hour_at = settled_episodes.hour_at
        and forecasts.base_asset = settled_episodes.base_asset
    left join sums as own_sums
        on forecasts.forecast_hour_at = own_sums.hour_at
        and forecasts.base_asset = own_sums.base_asset
    {%- for hours in [1, 4, 24] %}
    left join sums as next_{{ hours }}h
        on forecasts.forecast_hour_at + interval {{ hours }} hour = next_{{ hours }}h.hour_at
        and forecasts.base_asset = next_{{ hours }}h.base_asset
    {%- endfor %}

),

final as (

    select
        hour_at,
        forecast_hour_at,
        base_asset,
        score,
        {%- for component in stress_components() %}
        {{ component }}_percentile,
        {%- endfor %}
        round(lagged_long_ratio, 8) as lagged_long_ratio,
        is_in_episode,
        next_episode_at,
        {%- for hours in [1, 4, 24] %}
        next_long_{{ hours }}h_usd,
        event_{{ hours }}h_usd,
        next_long_{{ hours }}h_usd >= event_{{ hours }}h_usd as is_event_{{ hours }}h,
        {%- endfor %}
        available_at,

    from compared

)

select *,

from final

order by hour_at
