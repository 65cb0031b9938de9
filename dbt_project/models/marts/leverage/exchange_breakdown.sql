{{ config(post_hook="{{ prune_as_of_hours() }}") }}

with

hours as (

    select hour_at,

    from {{ as_of_build_hours() }}

),

windows as (

    select unnest([1, 4, 12, 24]) as window_hours,

),

-- Each window's hours, counted back from its last, so that an hour's rows join every window that
-- contains it by equality. A join on a range of hours takes a hundred times as long.
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

coverage as (

    from {{ ref('venue_coverage_hourly') }}

    where hour_at >= {{ first_hour_read(23) }}

),

asset_coverage as (

    from {{ ref('int_asset_coverage_windows') }}

    where hour_at in {{ build_hours() }}

),

expected_venues as (

    from {{ ref('int_expected_venues') }}

),

reached_liquidations as (

    select
        liquidations.*,
        reach.window_hours,
        liquidations.hour_at + reach.hours_back * interval 1 hour as as_of_hour_at,

    from liquidations
    cross join reach

),

reached_coverage as (

    select
        coverage.*,
        reach.window_hours,
        coverage.hour_at + reach.hours_back * interval 1 hour as as_of_hour_at,

    from coverage
    cross join reach

),

-- Hours of a window that are not in the spine were not covered.
venue_coverage as (

    select
        hours.hour_at,
        reached_coverage.window_hours,
        reached_coverage.venue,
        count(*) filter (where reached_coverage.is_complete) as complete_hours,
        bool_or(reached_coverage.is_covered) as is_covered,
        count(*) filter (where not reached_coverage.is_lower_bound) as exact_hours,

    from hours
    inner join reached_coverage
        on hours.hour_at = reached_coverage.as_of_hour_at

    group by all

),

-- Windows with a liquidation, by asset, and ALL.
seen as (

    select
        hours.hour_at,
        reached_liquidations.window_hours,
        case
            when grouping(reached_liquidations.base_asset) = 1 then 'ALL'
            else reached_liquidations.base_asset
        end as base_asset,
        reached_liquidations.venue,
        sum(reached_liquidations.long_usd) as long_usd,
        sum(reached_liquidations.short_usd) as short_usd,
        sum(reached_liquidations.events) as events,
        bool_or(reached_liquidations.is_lower_bound) as is_lower_bound,

    from hours
    inner join reached_liquidations
        on hours.hour_at = reached_liquidations.as_of_hour_at

    group by
        hours.hour_at,
        reached_liquidations.window_hours,
        reached_liquidations.venue,
        rollup(reached_liquidations.base_asset)

),

-- The keys of the rows: assets with a liquidation in the window, and ALL.
asset_windows as (

    select distinct
        hour_at,
        window_hours,
        base_asset,

    from seen

    union

    select
        hours.hour_at,
        windows.window_hours,
        'ALL' as base_asset,

    from hours
    cross join windows

),

-- The venues that normally report the asset at some time in the window.
expected as (

    select distinct
        asset_windows.hour_at,
        asset_windows.window_hours,
        asset_windows.base_asset,
        expected_venues.venue,

    from asset_windows
    inner join expected_venues
        on asset_windows.base_asset = expected_venues.base_asset
        and asset_windows.hour_at + interval 1 hour > expected_venues.expected_from
        and asset_windows.hour_at + (1 - asset_windows.window_hours) * interval 1 hour
        < expected_venues.expected_to

    union

    select distinct
        hours.hour_at,
        windows.window_hours,
        'ALL' as base_asset,
        expected_venues.venue,

    from hours
    cross join windows
    inner join expected_venues
        on hours.hour_at + interval 1 hour > expected_venues.expected_from
        and hours.hour_at + (1 - windows.window_hours) * interval 1 hour
        < expected_venues.expected_to

),

venue_windows as (

    select
        hour_at,
        window_hours,
        base_asset,
        venue,
        true as is_expected,

    from expected

    union all

    select
        seen.hour_at,
        seen.window_hours,
        seen.base_asset,
        seen.venue,
        false as is_expected,

    from seen
    anti join expected
        on seen.hour_at = expected.hour_at
        and seen.window_hours = expected.window_hours
        and seen.base_asset = expected.base_asset
        and seen.venue = expected.venue

),

by_venue as (

    select
        venue_windows.hour_at,
        venue_windows.window_hours,
        venue_windows.base_asset,
        venue_windows.venue,
        seen.long_usd,
        seen.short_usd,
        seen.events,
        coalesce(venue_coverage.complete_hours, 0) as complete_hours,
        coalesce(venue_coverage.complete_hours, 0) < venue_windows.window_hours as is_incomplete,
        coalesce(seen.is_lower_bound, false)
        or coalesce(venue_coverage.exact_hours, 0) < venue_windows.window_hours as is_lower_bound,
        venue_windows.is_expected,
        venue_windows.is_expected and coalesce(venue_coverage.is_covered, false) as is_covered,

    from venue_windows
    left join seen
        on venue_windows.hour_at = seen.hour_at
        and venue_windows.window_hours = seen.window_hours
        and venue_windows.base_asset = seen.base_asset
        and venue_windows.venue = seen.venue
    left join venue_coverage
        on venue_windows.hour_at = venue_coverage.hour_at
        and venue_windows.window_hours = venue_coverage.window_hours
        and venue_windows.venue = venue_coverage.venue

),

all_venues as (

    select
        by_venue.hour_at,
        by_venue.window_hours,
        by_venue.base_asset,
        sum(by_venue.long_usd) as long_usd,
        sum(by_venue.short_usd) as short_usd,
        sum(by_venue.events) as events,
        count(*) filter (where by_venue.is_expected) as venues_expected,
        count(*) filter (where by_venue.is_covered) as venues_reporting,
        count(*) filter (where by_venue.is_lower_bound) as venues_lower_bound,
        bool_or(by_venue.is_lower_bound and by_venue.events > 0) as is_of_lower_bounds,

    from by_venue

    group by all

),

-- Every asset has its own windows, unless no venue lists it at the end of the window.
all_venues_covered as (

    select
        asset_windows.hour_at,
        asset_windows.window_hours,
        asset_windows.base_asset,
        all_venues.long_usd,
        all_venues.short_usd,
        all_venues.events,
        coalesce(all_venues.venues_expected, 0) as venues_expected,
        coalesce(all_venues.venues_reporting, 0) as venues_reporting,
        coalesce(all_venues.venues_lower_bound, 0) as venues_lower_bound,
        coalesce(all_venues.is_of_lower_bounds, false) as is_of_lower_bounds,
        case asset_windows.window_hours
            {%- for hours in [1, 4, 12, 24] %}
            when {{ hours }} then coalesce(
                    own.complete_hours_{{ hours }}h, of_all.complete_hours_{{ hours }}h, 0
                )
            {%- endfor %}
        end as complete_hours,
        case asset_windows.window_hours
            {%- for hours in [1, 4, 12, 24] %}
            when {{ hours }} then coalesce(
                    own.is_lower_bound_{{ hours }}h, of_all.is_lower_bound_{{ hours }}h, true
                )
            {%- endfor %}
        end as is_lower_bound,

    from asset_windows
    left join all_venues
        on asset_windows.hour_at = all_venues.hour_at
        and asset_windows.window_hours = all_venues.window_hours
        and asset_windows.base_asset = all_venues.base_asset
    left join asset_coverage as own
        on asset_windows.hour_at = own.hour_at
        and asset_windows.base_asset = own.base_asset
    left join asset_coverage as of_all
        on asset_windows.hour_at = of_all.hour_at
        and of_all.base_asset = 'ALL'

),

-- A covered venue without liquidations of a single asset has no row for it: only ALL assets show every
-- venue. One that was not covered in full and shows no event is a row of nulls.
rows_shown as (

    select
        hour_at,
        window_hours,
        base_asset,
        venue,
        long_usd,
        short_usd,
        events,
        complete_hours,
        is_incomplete,
        is_lower_bound,

    from by_venue

    where base_asset = 'ALL'
        or events > 0
        or is_incomplete

    union all

    select
        hour_at,
        window_hours,
        base_asset,
        'ALL' as venue,
        long_usd,
        short_usd,
        events,
        complete_hours,
        complete_hours < window_hours as is_incomplete,
        is_lower_bound or is_of_lower_bounds as is_lower_bound,

    from all_venues_covered

),

known as (

    select
        hour_at,
        window_hours,
        base_asset,
        venue,
        try_cast({{ observed_sum('long_usd', 'not is_incomplete') }} as decimal(38, 4)) as long_usd,
        try_cast({{ observed_sum('short_usd', 'not is_incomplete') }} as decimal(38, 4))
            as short_usd,
        try_cast(
            {{ observed_sum(
                '(coalesce(long_usd, 0) + coalesce(short_usd, 0))', 'not is_incomplete'
            ) }} as decimal(38, 4)
        ) as total_usd,
        {{ observed_sum('events', 'not is_incomplete') }}::bigint as events,
        complete_hours,
        is_incomplete,
        is_lower_bound,

    from rows_shown

),

final as (

    select
        known.hour_at,
        known.hour_at + interval 1 hour as as_of_at,
        known.window_hours::integer as window_hours,
        known.hour_at + (1 - known.window_hours) * interval 1 hour as window_start_at,
        known.hour_at + interval 1 hour as window_end_at,
        known.base_asset,
        known.venue,
        known.long_usd,
        known.short_usd,
        known.total_usd,
        round(known.total_usd::double / nullif(of_venues.total_usd::double, 0), 6) as share,
        -- The share can only be too large: this row's sum is complete and another venue's is not.
        known.venue != 'ALL'
        and not known.is_lower_bound
        and all_venues_covered.venues_lower_bound > 0 as share_is_upper_bound,
        round(known.total_usd::double / nullif(of_assets.total_usd::double, 0), 6) as asset_share,
        round(
            known.long_usd::double / nullif((known.long_usd + known.short_usd)::double, 0), 6
        ) as long_share,
        known.events,
        known.is_lower_bound,
        -- The inputs of a row's ratios: its own sums, those of all venues, those of all assets.
        known.is_incomplete or of_venues.is_incomplete or of_assets.is_incomplete as is_incomplete,
        known.complete_hours::integer as complete_hours,
        all_venues_covered.venues_expected,
        all_venues_covered.venues_reporting,

    from known
    inner join known as of_venues
        on known.hour_at = of_venues.hour_at
        and known.window_hours = of_venues.window_hours
        and known.base_asset = of_venues.base_asset
        and of_venues.venue = 'ALL'
    inner join known as of_assets
        on known.hour_at = of_assets.hour_at
        and known.window_hours = of_assets.window_hours
        and known.venue = of_assets.venue
        and of_assets.base_asset = 'ALL'
    inner join all_venues_covered
        on known.hour_at = all_venues_covered.hour_at
        and known.window_hours = all_venues_covered.window_hours
        and known.base_asset = all_venues_covered.base_asset

)

select *,

from final

order by hour_at
