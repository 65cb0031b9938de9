with

liquidations as (

    select
        date_trunc('minute', event_at) as minute_at,
        hour_at,
        venue,
        base_asset,
        liquidated_side,
        notional_usd,
        available_at,

    from {{ ref('fct_liquidations') }}

    where {{ counted_liquidations() }}
        and hour_at in {{ build_hours() }}

),

coverage as (

    from {{ ref('venue_coverage_hourly') }}

    where hour_at in {{ build_hours() }}

),

hidden as (

    from {{ ref('int_hidden_liquidations_minutely') }}

    where hour_at in {{ build_hours() }}

),

minutely as (

    select
        minute_at,
        hour_at,
        venue,
        base_asset,
        sum(notional_usd) filter (where liquidated_side = 'long') as long_usd,
        sum(notional_usd) filter (where liquidated_side = 'short') as short_usd,
        sum(notional_usd) as total_usd,
        count(*) filter (where liquidated_side = 'long') as long_events,
        count(*) filter (where liquidated_side = 'short') as short_events,
        count(*) as events,
        max(notional_usd) as largest_usd,
        count(*) > count(notional_usd) as lacks_a_notional,
        max(available_at) as available_at,

    from liquidations

    group by all

),

-- A side without events is zero only where the hour was covered in full. A venue that the project
-- does not list has no coverage.
observed as (

    select
        minutely.minute_at,
        minutely.hour_at,
        minutely.venue,
        minutely.base_asset,
        {%- for side in ['long', 'short'] %}
        try_cast(
            case
                when minutely.{{ side }}_events > 0 then minutely.{{ side }}_usd
                when coverage.is_complete then 0
            end as decimal(38, 4)
        ) as {{ side }}_usd,
        {%- endfor %}
        minutely.total_usd,
        {{ observed_sum('minutely.long_events', 'coverage.is_complete') }} as long_events,
        {{ observed_sum('minutely.short_events', 'coverage.is_complete') }} as short_events,
        minutely.events,
        minutely.largest_usd,
        coalesce(coverage.is_lower_bound, true) or minutely.lacks_a_notional as is_lower_bound,
        coalesce(coverage.is_complete, false) as is_complete,
        hidden.* exclude (minute_at, hour_at, venue, base_asset, available_at),
        greatest(minutely.available_at, coverage.available_at, hidden.available_at)
            as available_at,

    from minutely
    left join coverage
        on minutely.hour_at = coverage.hour_at
        and minutely.venue = coverage.venue
    left join hidden
        on minutely.minute_at = hidden.minute_at
        and minutely.venue = hidden.venue
        and minutely.base_asset = hidden.base_asset

),

final as (

    select
        minute_at,
        hour_at,
        venue,
        base_asset,
        long_usd,
        short_usd,
        total_usd,
        {%- for side in ['long', 'short', 'total'] %}
        {{- interval_columns(side ~ '_usd', 'usd', side) }}
        {%- endfor %}
        {{ is_partly_unestimated('usd', 'total') }} as has_unestimated_part,
        long_events,
        short_events,
        events,
        largest_usd,
        is_lower_bound,
        is_complete,
        available_at,

    from observed

)

select *,

from final

order by minute_at
