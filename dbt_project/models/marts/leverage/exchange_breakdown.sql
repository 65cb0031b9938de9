{% set parts = ['known.total', 'of_venues.total', 'known.total_usd', 'of_venues.total_usd'] %}
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

    select
        hour_at,
        venue,
        base_asset,
        long_usd,
        short_usd,
        events,
        is_lower_bound,
        available_at,

    from {{ ref('liquidations_hourly') }}

    where hour_at >= {{ first_hour_read(23) }}

),

hidden as (

    from {{ ref('int_hidden_liquidations_hourly') }}

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
        hidden.* exclude (hour_at, venue, base_asset, available_at),
        reach.window_hours,
        liquidations.hour_at + reach.hours_back * interval 1 hour as as_of_hour_at,

    from liquidations
    left join hidden
        on liquidations.hour_at = hidden.hour_at
        and liquidations.venue = hidden.venue
        and liquidations.base_asset = hidden.base_asset
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
        bool_or(reached_coverage.is_covered and reached_coverage.publication_rule = 'unknown')
            as has_unknown_rule,
        count(*) filter (where not reached_coverage.is_lower_bound) as exact_hours,
        max(reached_coverage.available_at) as available_at,

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
        max(reached_liquidations.available_at) as available_at,
        {{- summed_moments('reached_liquidations') }}

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

-- A venue of an unknown rule may hide whole hours of an asset that it is expected to report.
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
        greatest(seen.available_at, venue_coverage.available_at) as available_at,
        seen.* exclude (
            hour_at,
            window_hours,
            base_asset,
            venue,
            long_usd,
            short_usd,
            events,
            is_lower_bound,
            available_at
        ) replace (
            {%- for side in ['total', 'long', 'short'] %}
            {%- set hours = side ~ '_unknown_rule_channel_hours' %}
            case
                when venue_windows.is_expected and venue_coverage.has_unknown_rule
                    then greatest(coalesce({{ hours }}, 0), 1)
                else {{ hours }}
            end as {{ hours }}{{ ',' if not loop.last }}
            {%- endfor %}
        ),

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
        max(by_venue.available_at) as available_at,
        {{- summed_moments('by_venue') }}

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
        {{- each_moment('all_venues') }}
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
        greatest(
            all_venues.available_at,
            case asset_windows.window_hours
                {%- for hours in [1, 4, 12, 24] %}
                when {{ hours }} then coalesce(
                        own.available_at_{{ hours }}h, of_all.available_at_{{ hours }}h
                    )
                {%- endfor %}
            end
        ) as available_at,

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
        available_at,
        {{- each_moment('by_venue') }}

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
        available_at,
        {{- each_moment('all_venues_covered') }}

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
        available_at,
        {%- for side in ['total', 'long', 'short'] %}
        {%- for moment in moments() %}
        coalesce({{ side }}_{{ moment }}, 0) as {{ side }}_{{ moment }},
        {%- endfor %}
        {%- endfor %}
        not {{ is_partly_unestimated('usd', 'total') }} as is_estimated,

    from rows_shown

),

estimated as (

    select
        hour_at,
        window_hours,
        base_asset,
        venue,
        {%- for side in ['long', 'short', 'total'] %}
        {{- interval_columns(side ~ '_usd', 'usd', side) }}
        {%- endfor %}
        {%- for side in ['long', 'short', 'total'] %}
        {{- estimated_columns(side ~ '_usd', side) }}
        {%- endfor %}
        {{ is_partly_unestimated('usd', 'total') }} as has_unestimated_part,
        total_unknown_rule_channel_hours > 0 as has_unknown_rule,

    from known

),

-- Only where two intervals do not overlap may one be called the larger.
ranked as (

    select
        hour_at,
        window_hours,
        base_asset,
        venue,
        total_usd_low,
        coalesce(total_usd_high::double, 'infinity'::double) as total_usd_top,
        rank() over (
            partition by hour_at, window_hours, base_asset
            order by total_usd_mid desc
        ) as venue_rank,

    from estimated

    where venue != 'ALL'
        and not has_unknown_rule
        and total_usd_mid is not null

),

rankings as (

    select
        ranked.hour_at,
        ranked.window_hours,
        ranked.base_asset,
        ranked.venue,
        ranked.venue_rank,
        count(*) > 1 as is_ranking_open,

    from ranked
    inner join ranked as others
        on ranked.hour_at = others.hour_at
        and ranked.window_hours = others.window_hours
        and ranked.base_asset = others.base_asset
        and ranked.total_usd_low <= others.total_usd_top
        and ranked.total_usd_top >= others.total_usd_low

    group by all

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
        estimated.* exclude (hour_at, window_hours, base_asset, venue, has_unknown_rule),
        round(known.total_usd::double / nullif(of_venues.total_usd::double, 0), 6) as share,
        -- The share can only be too large: this row's sum is complete and another venue's is not.
        known.venue != 'ALL'
        and not known.is_lower_bound
        and all_venues_covered.venues_lower_bound > 0 as share_is_upper_bound,
        case
            when of_venues.is_estimated or not known.is_estimated
                then {{ share_of_usd('low', *parts) }}
        end as share_low,
        {{ share_of_usd('mid', *parts) }} as share_mid,
        case
            when known.is_estimated
                then {{ share_of_usd('high', *parts) }}
        end as share_high,
        {%- for end in ['low', 'mid', 'high'] %}
        {{ share_of_usd(end, *parts, with_unestimated=false) }} as estimated_share_{{ end }},
        {%- endfor %}
        rankings.venue_rank::integer as venue_rank,
        rankings.is_ranking_open,
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
        greatest(known.available_at, of_venues.available_at, of_assets.available_at)
            as available_at,

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
    inner join estimated
        on known.hour_at = estimated.hour_at
        and known.window_hours = estimated.window_hours
        and known.base_asset = estimated.base_asset
        and known.venue = estimated.venue
    left join rankings
        on known.hour_at = rankings.hour_at
        and known.window_hours = rankings.window_hours
        and known.base_asset = rankings.base_asset
        and known.venue = rankings.venue
    inner join all_venues_covered
        on known.hour_at = all_venues_covered.hour_at
        and known.window_hours = all_venues_covered.window_hours
        and known.base_asset = all_venues_covered.base_asset

)

select *,

from final

order by hour_at
