{{ config(meta={'partition': 'hour_at', 'lookback_hours': 720}) }}

with

tracked_assets as (

    from {{ ref('int_tracked_assets_hourly') }}

    where hour_at in {{ build_hours() }}

),

hours as (

    select hour_at,

    from {{ source('ops', 'hours') }}

    where hour_at in {{ build_hours() }}

),

windows as (

    select unnest([1, 24]) as window_hours,

),

-- The hours of each window, told back from its last: see exchange_breakdown.
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

open_interest as (

    select
        hour_at,
        venue,
        base_asset,
        sum(round(oi_start_usd, 4)::decimal(38, 4)) as oi_start_usd,

    from {{ ref('int_instrument_open_interest_hourly') }}

    where oi_start_usd > 0
        and hour_at >= {{ first_hour_read(23) }}

    group by all

),

market_caps as (

    from {{ ref('int_asset_market_caps_hourly') }}

    where hour_at >= {{ first_hour_read(24) }}

),

volumes as (

    from {{ ref('int_asset_volumes_hourly') }}

    where hour_at >= {{ first_hour_read(0) }}

),

reached_liquidations as (

    select
        liquidations.*,
        reach.window_hours,
        liquidations.hour_at + to_hours(reach.hours_back) as as_of_hour_at,

    from liquidations
    cross join reach

),

reached_feed_hours as (

    select
        feed_hours.*,
        reach.window_hours,
        feed_hours.hour_at + to_hours(reach.hours_back) as as_of_hour_at,

    from feed_hours
    cross join reach

),

venue_coverage as (

    select
        hours.hour_at,
        reached_feed_hours.window_hours,
        reached_feed_hours.venue,
        min(reached_feed_hours.hour_at) as first_hour_at,
        count(*) as feed_hours,

    from hours
    inner join reached_feed_hours
        on hours.hour_at = reached_feed_hours.as_of_hour_at

    group by all

),

coverage as (

    select distinct
        hour_at,
        window_hours,

    from venue_coverage

),

by_venue as (

    select
        hours.hour_at,
        reached_liquidations.window_hours,
        reached_liquidations.venue,
        reached_liquidations.base_asset,
        sum(reached_liquidations.long_usd) as long_usd,

    from hours
    inner join reached_liquidations
        on hours.hour_at = reached_liquidations.as_of_hour_at

    group by all

),

all_venues as (

    select
        hour_at,
        window_hours,
        base_asset,
        sum(long_usd) as long_usd,

    from by_venue

    group by all

),

-- The same venues above and below the line: those whose feed was up in every hour of the window and
-- whose open interest at the window's start is known.
matched as (

    select
        venue_coverage.hour_at,
        venue_coverage.window_hours,
        open_interest.base_asset,
        count(*) as venues,
        sum(open_interest.oi_start_usd) as oi_start_usd,
        coalesce(sum(by_venue.long_usd), 0)::decimal(38, 4) as long_usd,

    from venue_coverage
    inner join open_interest
        on venue_coverage.venue = open_interest.venue
        and venue_coverage.first_hour_at = open_interest.hour_at
    left join by_venue
        on venue_coverage.hour_at = by_venue.hour_at
        and venue_coverage.window_hours = by_venue.window_hours
        and venue_coverage.venue = by_venue.venue
        and open_interest.base_asset = by_venue.base_asset

    where venue_coverage.feed_hours = venue_coverage.window_hours

    group by all

),

asset_windows as (

    select
        tracked_assets.hour_at,
        tracked_assets.base_asset,
        windows.window_hours,
        tracked_assets.hour_at - to_hours(windows.window_hours) as hour_before_at,

    from tracked_assets
    cross join windows

),

compared as (

    select
        asset_windows.hour_at,
        asset_windows.base_asset,
        asset_windows.window_hours,
        coalesce(
            all_venues.long_usd, case when coverage.hour_at is not null then 0 end
        )::decimal(38, 4) as long_usd,
        matched.long_usd as matched_long_usd,
        matched.oi_start_usd::double as matched_oi_start_usd,
        coalesce(matched.venues, 0)::integer as matched_venues,
        -- What was known at the end of the hour before is what was known at the window's start.
        market_caps.market_cap_usd as market_cap_start_usd,
        case
            when asset_windows.window_hours = 1 then volumes.volume_usd else volumes.volume_24h_usd
        end as volume_usd,

    from asset_windows
    left join all_venues
        on asset_windows.hour_at = all_venues.hour_at
        and asset_windows.base_asset = all_venues.base_asset
        and asset_windows.window_hours = all_venues.window_hours
    left join coverage
        on asset_windows.hour_at = coverage.hour_at
        and asset_windows.window_hours = coverage.window_hours
    left join matched
        on asset_windows.hour_at = matched.hour_at
        and asset_windows.base_asset = matched.base_asset
        and asset_windows.window_hours = matched.window_hours
    left join market_caps
        on asset_windows.hour_before_at = market_caps.hour_at
        and asset_windows.base_asset = market_caps.base_asset
    left join volumes
        on asset_windows.hour_at = volumes.hour_at
        and asset_windows.base_asset = volumes.base_asset

),

final as (

    select
        hour_at,
        hour_at + interval 1 hour as as_of_at,
        base_asset,
        {%- for hours_back, window in [(1, '1h'), (24, '24h')] %}
        {%- set of_window = 'filter (where window_hours = ' ~ hours_back ~ ')' %}
        max(long_usd) {{ of_window }} as long_{{ window }}_usd,
        max(matched_long_usd) {{ of_window }} as matched_long_{{ window }}_usd,
        max(matched_oi_start_usd) {{ of_window }} as matched_oi_start_{{ window }}_usd,
        max(matched_venues) {{ of_window }} as matched_venues_{{ window }},
        round(max(1e4 * matched_long_usd::double / matched_oi_start_usd) {{ of_window }}, 6)
            as long_intensity_{{ window }}_bp,
        max(market_cap_start_usd) {{ of_window }} as market_cap_start_{{ window }}_usd,
        round(max(1e4 * long_usd::double / market_cap_start_usd) {{ of_window }}, 6)
            as long_{{ window }}_to_market_cap_bp,
        max(volume_usd) {{ of_window }} as volume_{{ window }}_usd,
        round(max(1e4 * long_usd::double / nullif(volume_usd, 0)) {{ of_window }}, 6)
            as long_{{ window }}_to_volume_bp,
        {%- endfor %}

    from compared

    group by all

)

select *,

from final

order by hour_at
