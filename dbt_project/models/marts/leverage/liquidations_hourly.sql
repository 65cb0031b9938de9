with

minutely as (

    from {{ ref('liquidations_minutely') }}

    where hour_at in {{ build_hours() }}

),

final as (

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

    from minutely

    group by all

)

select *,

from final

order by hour_at
