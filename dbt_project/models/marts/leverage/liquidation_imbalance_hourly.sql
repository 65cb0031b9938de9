{{ config(meta={'partition': 'hour_at', 'lookback_hours': 720}) }}

{#- Standard normal quantile of a two-sided 90% interval. -#}
{% set z = 1.6448536 %}

with

hours as (

    select hour_at,

    from {{ source('ops', 'hours') }}

    where hour_at in {{ build_hours() }}

),

tracked_assets as (

    from {{ ref('int_tracked_assets_hourly') }}

    where hour_at in {{ build_hours() }}

),

liquidations as (

    from {{ ref('liquidations_hourly') }}

    where hour_at >= {{ first_hour_read(23) }}

),

feed_hours as (

    select distinct hour_at,

    from {{ ref('int_feed_hours') }}

    where feed_up
        and hour_at >= {{ first_hour_read(23) }}

),

-- The hours of a day, told back from its last: see exchange_breakdown.
day as (

    select unnest(range(24)) as hours_back,

),

asset_hours as (

    select
        hour_at,
        base_asset,

    from tracked_assets

    union all

    select
        hour_at,
        'ALL' as base_asset,

    from hours

),

hourly_totals as (

    select
        hour_at,
        case when grouping(base_asset) = 1 then 'ALL' else base_asset end as base_asset,
        sum(long_usd) as long_usd,
        sum(short_usd) as short_usd,
        sum(long_events) as long_events,
        sum(short_events) as short_events,
        bool_or(is_lower_bound) as is_lower_bound,

    from liquidations

    group by hour_at, rollup(base_asset)

),

trailing_totals as (

    select
        hourly_totals.hour_at + to_hours(day.hours_back) as as_of_hour_at,
        day.hours_back,
        hourly_totals.base_asset,
        hourly_totals.long_usd,
        hourly_totals.short_usd,
        hourly_totals.long_events,
        hourly_totals.short_events,
        hourly_totals.is_lower_bound,

    from hourly_totals
    cross join day

),

coverage as (

    select
        hours.hour_at,
        count(*) filter (where feed_hours.hour_at = hours.hour_at) as feed_hours_1h,
        count(feed_hours.hour_at) as feed_hours_24h,

    from hours
    cross join day
    left join feed_hours
        on hours.hour_at - to_hours(day.hours_back) = feed_hours.hour_at

    group by all

),

windowed as (

    select
        asset_hours.hour_at,
        asset_hours.base_asset,
        {%- for window_hours, window in [(1, '1h'), (24, '24h')] %}
        {%- set in_window -%}
        filter (where trailing_totals.hours_back < {{ window_hours }})
        {%- endset %}
        sum(trailing_totals.long_usd) {{ in_window }} as long_{{ window }}_usd,
        sum(trailing_totals.short_usd) {{ in_window }} as short_{{ window }}_usd,
        sum(trailing_totals.long_events) {{ in_window }} as long_{{ window }}_events,
        sum(trailing_totals.short_events) {{ in_window }} as short_{{ window }}_events,
        bool_or(trailing_totals.is_lower_bound) {{ in_window }} as is_lower_bound_{{ window }},
        {%- endfor %}

    from asset_hours
    left join trailing_totals
        on asset_hours.hour_at = trailing_totals.as_of_hour_at
        and asset_hours.base_asset = trailing_totals.base_asset

    group by all

),

-- Zero where a feed was up, null where none was.
observed as (

    select
        windowed.hour_at,
        windowed.base_asset,
        coverage.feed_hours_24h,
        {%- for window in ['1h', '24h'] %}
        {%- set none_seen = 'case when coverage.feed_hours_' ~ window ~ ' > 0 then 0 end' %}
        coalesce(windowed.long_{{ window }}_usd, {{ none_seen }})::decimal(38, 4)
            as long_{{ window }}_usd,
        coalesce(windowed.short_{{ window }}_usd, {{ none_seen }})::decimal(38, 4)
            as short_{{ window }}_usd,
        coalesce(windowed.long_{{ window }}_events, {{ none_seen }})::bigint
            as long_{{ window }}_events,
        coalesce(windowed.short_{{ window }}_events, {{ none_seen }})::bigint
            as short_{{ window }}_events,
        windowed.is_lower_bound_{{ window }},
        {%- endfor %}

    from windowed
    inner join coverage
        on windowed.hour_at = coverage.hour_at

),

counted as (

    select
        *,
        {%- for window in ['1h', '24h'] %}
        nullif((long_{{ window }}_usd + short_{{ window }}_usd)::double, 0)
            as both_{{ window }}_usd,
        nullif((long_{{ window }}_events + short_{{ window }}_events)::double, 0)
            as events_{{ window }},
        long_{{ window }}_events / events_{{ window }} as long_{{ window }}_event_share,
        {%- endfor %}

    from observed

),

final as (

    select
        hour_at,
        base_asset,
        {%- for window in ['1h', '24h'] %}
        {%- set share, count = 'long_' ~ window ~ '_event_share', 'events_' ~ window %}
        {%- set centre = '(' ~ share ~ ' + ' ~ z ** 2 / 2 ~ ' / ' ~ count ~ ')' %}
        {%- set half_width -%}
        {{ z }} * sqrt(
                    {{ share }} * (1 - {{ share }}) / {{ count }}
                    + {{ z ** 2 / 4 }} / {{ count }} ** 2
                )
        {%- endset %}
        long_{{ window }}_usd,
        short_{{ window }}_usd,
        long_{{ window }}_events,
        short_{{ window }}_events,
        round((long_{{ window }}_usd - short_{{ window }}_usd)::double / both_{{ window }}_usd, 6)
            as imbalance_{{ window }},
        round(long_{{ window }}_usd::double / both_{{ window }}_usd, 6)
            as long_dominance_{{ window }},
        round({{ share }}, 6) as {{ share }},
        round(({{ centre }} - {{ half_width }}) / (1 + {{ z ** 2 }} / {{ count }}), 6)
            as long_{{ window }}_event_share_low,
        round(({{ centre }} + {{ half_width }}) / (1 + {{ z ** 2 }} / {{ count }}), 6)
            as long_{{ window }}_event_share_high,
        is_lower_bound_{{ window }},
        {%- endfor %}
        feed_hours_24h,
        hour_at + interval 1 hour as as_of_at,

    from counted

)

select *,

from final

order by hour_at
