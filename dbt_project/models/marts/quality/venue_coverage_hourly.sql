with

coverage as (

    from {{ ref('int_venue_coverage_hourly') }}

    where hour_at in {{ build_hours() }}

),

liquidations as (

    select
        hour_at,
        venue,
        count(*) as events,
        sum(notional_usd) as total_usd,
        max(available_at) as available_at,

    from {{ ref('fct_liquidations') }}

    where {{ counted_liquidations() }}
        and hour_at in {{ build_hours() }}

    group by all

),

hidden as (

    select
        hidden_hourly.hour_at,
        hidden_hourly.venue,
        max(hidden_hourly.available_at) as available_at,
        {{- summed_moments('hidden_hourly', sides=['total']) }}

    from {{ ref('int_hidden_liquidations_hourly') }} as hidden_hourly

    where hidden_hourly.hour_at in {{ build_hours() }}

    group by all

),

-- A venue of an unknown rule may hide a whole hour's events.
observed as (

    select
        coverage.* replace (
            greatest(coverage.available_at, liquidations.available_at, hidden.available_at)
                as available_at
        ),
        {{ observed_sum('liquidations.events', 'coverage.is_complete') }}::bigint as events,
        try_cast(
            case
                when liquidations.events > 0 or coverage.is_complete
                    then coalesce(liquidations.total_usd, 0)
            end as decimal(38, 4)
        ) as total_usd,
        hidden.* exclude (hour_at, venue, available_at) replace (
            case
                when coverage.publication_rule = 'unknown'
                    then greatest(coalesce(hidden.total_unknown_rule_channel_hours, 0), 1)
                else hidden.total_unknown_rule_channel_hours
            end as total_unknown_rule_channel_hours
        ),

    from coverage
    left join liquidations
        on coverage.hour_at = liquidations.hour_at
        and coverage.venue = liquidations.venue
    left join hidden
        on coverage.hour_at = hidden.hour_at
        and coverage.venue = hidden.venue

),

final as (

    select
        hour_at,
        venue,
        landing_outcome,
        covered_share,
        sources,
        publication_rule,
        is_covered,
        is_complete,
        is_lower_bound,
        lower_bound_reason,
        events,
        {{- interval_columns('events', 'events', 'total') }}
        total_usd,
        {{- interval_columns('total_usd', 'usd', 'total') }}
        {{ is_partly_unestimated('usd', 'total') }} as has_unestimated_part,
        round(
            total_saturated_channel_hours::double / nullif(
                total_estimated_channel_hours
                + {{ unestimated_channel_hours('total') }},
                0
            ),
            6
        ) as saturated_share,
        available_at,

    from observed

)

select *,

from final

order by hour_at, venue
