{{ config(
    meta={'partition': 'hour_at', 'lookback_hours': 23},
    post_hook="{{ prune_as_of_hours() }}",
) }}

with

hours as (

    select hour_at,

    from {{ as_of_build_hours() }}

),

windows as (

    select unnest([1, 4, 12, 24]) as window_hours,

),

-- Each window's hours, told back from its last: an hour's rows join every window that has it by
-- equality. A join on a range of hours takes a hundred times as long.
reach as (

    select
        window_hours,
        unnest(range(window_hours)) as hours_back,

    from windows

),

liquidations as (

    from {{ ref('liquidations_hourly') }}

    where hour_at >= {{ first_hour_read(23) }}

),

feed_hours as (

    from {{ ref('int_feed_hours') }}

    where feed_up
        and hour_at >= {{ first_hour_read(23) }}

),

reached_liquidations as (

    select
        liquidations.*,
        reach.window_hours,
        reach.hours_back,
        liquidations.hour_at + to_hours(reach.hours_back) as as_of_hour_at,

    from liquidations
    cross join reach

),

reached_feed_hours as (

    select
        feed_hours.*,
        reach.window_hours,
        reach.hours_back,
        feed_hours.hour_at + to_hours(reach.hours_back) as as_of_hour_at,

    from feed_hours
    cross join reach

),

-- Of every venue that reported in the last 24 hours, the hours of each window in which it did.
venue_coverage as (

    select
        hours.hour_at,
        windows.window_hours,
        reached_feed_hours.venue,
        count(*) filter (where reached_feed_hours.hours_back < windows.window_hours) as feed_hours,

    from hours
    inner join reached_feed_hours
        on hours.hour_at = reached_feed_hours.as_of_hour_at
        and reached_feed_hours.window_hours = 24
    cross join windows

    group by all

),

coverage as (

    select
        hour_at,
        window_hours,
        count(*) filter (where feed_hours > 0) as venues_reporting,
        bool_or(feed_hours < window_hours) as is_incomplete,

    from venue_coverage

    group by all

),

by_asset_and_venue as (

    select
        hours.hour_at,
        reached_liquidations.window_hours,
        reached_liquidations.base_asset,
        reached_liquidations.venue,
        sum(reached_liquidations.long_usd) as long_usd,
        sum(reached_liquidations.short_usd) as short_usd,
        sum(reached_liquidations.events) as events,
        bool_or(reached_liquidations.is_lower_bound) as is_lower_bound,

    from hours
    inner join reached_liquidations
        on hours.hour_at = reached_liquidations.as_of_hour_at

    group by all

),

-- A venue that reported nothing is a zero; one that did not report has no row.
observed_as_none as (

    select
        hour_at,
        window_hours,
        'ALL' as base_asset,
        venue,
        0::decimal(38, 4) as long_usd,
        0::decimal(38, 4) as short_usd,
        0 as events,
        false as is_lower_bound,

    from venue_coverage

    where feed_hours > 0

),

by_venue as (

    select
        hour_at,
        window_hours,
        base_asset,
        venue,
        long_usd,
        short_usd,
        events,
        is_lower_bound,

    from by_asset_and_venue

    union all

    select
        hour_at,
        window_hours,
        'ALL' as base_asset,
        venue,
        long_usd,
        short_usd,
        events,
        is_lower_bound,

    from by_asset_and_venue

    union all

    from observed_as_none

),

summed as (

    select
        hour_at,
        window_hours,
        base_asset,
        case when grouping(venue) = 1 then 'ALL' else venue end as venue,
        sum(long_usd) as long_usd,
        sum(short_usd) as short_usd,
        sum(events)::bigint as events,
        bool_or(is_lower_bound) as is_lower_bound,

    from by_venue

    group by hour_at, window_hours, base_asset, rollup(venue)

),

final as (

    select
        summed.hour_at,
        summed.hour_at + interval 1 hour as as_of_at,
        summed.window_hours::integer as window_hours,
        summed.hour_at + interval 1 hour - to_hours(summed.window_hours) as window_start_at,
        summed.hour_at + interval 1 hour as window_end_at,
        summed.base_asset,
        summed.venue,
        summed.long_usd,
        summed.short_usd,
        summed.long_usd + summed.short_usd as total_usd,
        round(
            (summed.long_usd + summed.short_usd)::double
            / nullif((all_venues.long_usd + all_venues.short_usd)::double, 0),
            6
        ) as share,
        round(
            summed.long_usd::double / nullif((summed.long_usd + summed.short_usd)::double, 0), 6
        ) as long_share,
        summed.events,
        -- A sum over a window with unreported hours is a lower bound too.
        summed.is_lower_bound
        or case
            when summed.venue = 'ALL' then coverage.is_incomplete
            else venue_coverage.feed_hours < summed.window_hours
        end as is_lower_bound,
        coverage.venues_reporting,

    from summed
    inner join summed as all_venues
        on summed.hour_at = all_venues.hour_at
        and summed.window_hours = all_venues.window_hours
        and summed.base_asset = all_venues.base_asset
        and all_venues.venue = 'ALL'
    left join coverage
        on summed.hour_at = coverage.hour_at
        and summed.window_hours = coverage.window_hours
    left join venue_coverage
        on summed.hour_at = venue_coverage.hour_at
        and summed.window_hours = venue_coverage.window_hours
        and summed.venue = venue_coverage.venue

)

select *,

from final

order by hour_at
