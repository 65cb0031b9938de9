-- One row per hour and base_asset, and ALL: the volume of its derivatives in the 24 hours up to the
-- hour's end, and the open interest of the same instruments at that instant.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}

with

hours as (

    select hour_at,

    from {{ source('ops', 'hours') }}

    where hour_at in {{ build_hours() }}

),

volumes as (

    from {{ ref('int_instrument_volumes_hourly') }}

    where hour_at >= {{ first_hour_read(23) }}

),

open_interest as (

    from {{ ref('int_instrument_open_interest_hourly') }}

    where hour_at in {{ build_hours() }}

),

spans as (

    select
        *,
        lead(hour_at) over (
            partition by venue, instrument, base_asset order by hour_at
        ) as next_hour_at,

    from volumes

),

-- An instrument whose volume was known at any hour's end of the last day is expected at this one.
aged as (

    select
        *,
        unnest(
            range(least(24, coalesce(date_diff('hour', hour_at, next_hour_at), 24)))
        ) as age_hours,

    from spans

),

of_the_day as (

    select
        hours.hour_at,
        aged.venue,
        aged.instrument,
        aged.base_asset,
        if(aged.age_hours = 0, aged.volume_24h_usd, null) as volume_24h_usd,
        aged.available_at,

    from aged
    inner join hours
        on aged.hour_at + to_hours(aged.age_hours) = hours.hour_at

),

matched as (

    select
        of_the_day.hour_at,
        of_the_day.base_asset,
        of_the_day.venue,
        try_cast(round(of_the_day.volume_24h_usd, 4) as decimal(38, 4)) as volume_24h_usd,
        try_cast(round(open_interest.oi_end_usd, 4) as decimal(38, 4)) as oi_usd,
        greatest(of_the_day.available_at, open_interest.available_at) as available_at,

    from of_the_day
    left join open_interest
        on of_the_day.hour_at = open_interest.hour_at
        and of_the_day.venue = open_interest.venue
        and of_the_day.instrument = open_interest.instrument
        and of_the_day.base_asset = open_interest.base_asset

),

final as (

    {% for asset in ['base_asset', "'ALL'"] -%}
    select
        hour_at,
        {{ asset }} as base_asset,
        sum(volume_24h_usd)::double as volume_24h_usd,
        count(distinct venue) filter (where volume_24h_usd is not null)::integer as volume_venues,
        sum(volume_24h_usd) filter (where oi_usd is not null)::double as matched_volume_24h_usd,
        sum(oi_usd) filter (where volume_24h_usd is not null)::double as matched_oi_usd,
        bool_or(volume_24h_usd is null) as is_volume_missing,
        bool_or(volume_24h_usd is not null and oi_usd is null) as is_open_interest_missing,
        max(available_at) as available_at,

    from matched

    group by all
    {% if not loop.last %}
    union all
    {% endif %}
    {% endfor %}

)

from final
