with

minutely as (

    from {{ ref('liquidations_minutely') }}

    where hour_at in {{ build_hours() }}

),

hidden as (

    from {{ ref('int_hidden_liquidations_hourly') }}

    where hour_at in {{ build_hours() }}

),

hourly as (

    select
        hour_at,
        venue,
        base_asset,
        sum(long_usd) as long_usd,
        sum(short_usd) as short_usd,
        sum(total_usd) as total_usd,
        sum(long_events)::bigint as long_events,
        sum(short_events)::bigint as short_events,
        sum(events)::bigint as events,
        max(largest_usd) as largest_usd,
        bool_or(is_lower_bound) as is_lower_bound,
        bool_and(is_complete) as is_complete,
        max(available_at) as available_at,

    from minutely

    group by all

),

with_hidden as (

    select
        hourly.* replace (greatest(hourly.available_at, hidden.available_at) as available_at),
        hidden.* exclude (hour_at, venue, base_asset, available_at),

    from hourly
    left join hidden
        on hourly.hour_at = hidden.hour_at
        and hourly.venue = hidden.venue
        and hourly.base_asset = hidden.base_asset

),

final as (

    select
        hour_at,
        venue,
        base_asset,
        long_usd,
        short_usd,
        total_usd,
        {%- for side in ['long', 'short', 'total'] %}
        {{- interval_columns(side ~ '_usd', 'usd', side) }}
        {%- endfor %}
        {%- for side in ['long', 'short', 'total'] %}
        {{- estimated_columns(side ~ '_usd', side) }}
        {%- endfor %}
        {{ is_partly_unestimated('usd', 'total') }} as has_unestimated_part,
        long_events,
        short_events,
        events,
        largest_usd,
        is_lower_bound,
        is_complete,
        available_at,

    from with_hidden

)

select *,

from final

order by hour_at
