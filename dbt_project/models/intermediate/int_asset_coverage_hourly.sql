-- One row per hour and base_asset that a venue normally reports or that is tracked, and ALL: how many
-- of the venues that normally report it were covered. An asset that no venue lists may be reported by
-- any: its coverage is that of ALL.
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

tracked_assets as (

    from {{ ref('int_tracked_assets_hourly') }}

    where hour_at in {{ build_hours() }}

),

coverage as (

    from {{ ref('venue_coverage_hourly') }}

    where hour_at in {{ build_hours() }}

),

expected_venues as (

    from {{ ref('int_expected_venues') }}

),

expected as (

    select distinct
        hours.hour_at,
        expected_venues.venue,
        expected_venues.base_asset,

    from hours
    inner join expected_venues
        on hours.hour_at < expected_venues.expected_to
        and hours.hour_at + interval 1 hour > expected_venues.expected_from

),

expected_of_all as (

    select distinct
        hour_at,
        venue,
        'ALL' as base_asset,

    from expected

),

counted as (

    select
        expected.hour_at,
        expected.base_asset,
        count(*) as venues_expected,
        count(*) filter (where coverage.is_complete) as venues_complete,
        count(*) filter (where coverage.is_covered) as venues_covered,
        count(*) filter (where coverage.is_lower_bound) as venues_lower_bound,
        count(*) filter (where coverage.is_covered and coverage.publication_rule = 'unknown')
            as venues_of_unknown_rule,
        max(coverage.available_at) as available_at,

    from (
        from expected
        union all
        from expected_of_all
    ) as expected
    inner join coverage
        on expected.hour_at = coverage.hour_at
        and expected.venue = coverage.venue

    group by all

),

asset_hours as (

    select
        hour_at,
        base_asset,

    from counted

    union

    select
        hour_at,
        base_asset,

    from tracked_assets

    union

    select
        hour_at,
        'ALL' as base_asset,

    from hours

),

with_all as (

    select
        asset_hours.hour_at,
        asset_hours.base_asset,
        coalesce(counted.venues_expected, of_all.venues_expected, 0) as venues_expected,
        coalesce(counted.venues_complete, of_all.venues_complete, 0) as venues_complete,
        coalesce(counted.venues_covered, of_all.venues_covered, 0) as venues_covered,
        coalesce(counted.venues_lower_bound, of_all.venues_lower_bound, 0) as venues_lower_bound,
        coalesce(counted.venues_of_unknown_rule, of_all.venues_of_unknown_rule, 0)
            as venues_of_unknown_rule,
        coalesce(counted.available_at, of_all.available_at) as available_at,

    from asset_hours
    left join counted
        on asset_hours.hour_at = counted.hour_at
        and asset_hours.base_asset = counted.base_asset
    left join counted as of_all
        on asset_hours.hour_at = of_all.hour_at
        and of_all.base_asset = 'ALL'

),

final as (

    select
        hour_at,
        base_asset,
        venues_expected,
        venues_complete,
        venues_covered,
        venues_expected > 0 and venues_complete = venues_expected as is_complete,
        venues_expected = 0 or venues_lower_bound > 0 as is_lower_bound,
        venues_of_unknown_rule > 0 as has_unknown_rule,
        available_at,

    from with_all

)

from final
