-- One row per hour and tracked base_asset, and ALL: which venues should be in its open interest, and
-- whether any is missing at the hour's start or at its end.
--
-- Expected at an instant are the venues that list a trading instrument of the asset then, and every
-- instrument that reported in the day before (int_asset_open_interest_linked_hourly counts those).
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at', 'lookback_hours': 747},
) }}
{%- set ends = [('start', 'hour_at'), ('end', 'hour_at + interval 1 hour')] %}

with

tracked_assets as (

    from {{ ref('int_tracked_assets_hourly') }}

    where hour_at in {{ build_hours() }}

),

listed_assets as (

    from {{ ref('int_listed_assets') }}

),

linked as (

    from {{ ref('int_asset_open_interest_linked_hourly') }}

    where hour_at >= {{ first_hour_read(1) }}

),

reporting as (

    select
        hour_at,
        base_asset,
        venue,
        bool_or(oi_start_usd is not null) as is_known_at_start,
        bool_or(oi_end_usd is not null) as is_known_at_end,

    from {{ ref('int_instrument_open_interest_hourly') }}

    where hour_at in {{ build_hours() }}

    group by all

),

listed as (

    select
        tracked_assets.hour_at,
        tracked_assets.base_asset,
        listed_assets.venue,
        {%- for end, instant in ends %}
        bool_or(
            tracked_assets.{{ instant }} >= listed_assets.listed_from
            and tracked_assets.{{ instant }} < listed_assets.listed_to
        ) as is_listed_at_{{ end }},
        {%- endfor %}

    from tracked_assets
    inner join listed_assets
        on tracked_assets.base_asset = listed_assets.base_asset
        and tracked_assets.hour_at + interval 1 hour >= listed_assets.listed_from
        and tracked_assets.hour_at < listed_assets.listed_to

    group by all

),

venues as (

    select
        hour_at,
        base_asset,
        venue,
        {%- for end, _ in ends %}
        bool_or(is_listed_at_{{ end }}) as is_listed_at_{{ end }},
        bool_or(is_known_at_{{ end }}) as is_known_at_{{ end }},
        {%- endfor %}

    from (
        select
            hour_at,
            base_asset,
            venue,
            is_listed_at_start,
            is_listed_at_end,
            false as is_known_at_start,
            false as is_known_at_end,
        from listed
        union all by name
        select
            hour_at,
            base_asset,
            venue,
            false as is_listed_at_start,
            false as is_listed_at_end,
            is_known_at_start,
            is_known_at_end,
        from reporting
    ) as either

    group by all

),

-- An instrument is missed where its asset is, and in ALL.
by_asset as (

    select
        tracked_assets.hour_at,
        tracked_assets.base_asset,
        venues.venue,
        coalesce(venues.is_listed_at_end or venues.is_known_at_end, false) as is_expected,
        {%- for end, _ in ends %}
        coalesce(venues.is_known_at_{{ end }}, false) as is_known_at_{{ end }},
        coalesce(venues.is_listed_at_{{ end }} and not venues.is_known_at_{{ end }}, false)
            or coalesce({{ 'linked' if end == 'end' else 'former' }}.missing_instruments, 0) > 0
            as is_missing_at_{{ end }},
        {%- endfor %}

    from tracked_assets
    left join venues
        on tracked_assets.hour_at = venues.hour_at
        and tracked_assets.base_asset = venues.base_asset
    left join linked
        on tracked_assets.hour_at = linked.hour_at
        and tracked_assets.base_asset = linked.base_asset
    left join linked as former
        on tracked_assets.hour_at - interval 1 hour = former.hour_at
        and tracked_assets.base_asset = former.base_asset

),

final as (

    {% for asset in ['base_asset', "'ALL'"] -%}
    select
        hour_at,
        {{ asset }} as base_asset,
        count(distinct venue) filter (where is_expected)::integer as venues_expected,
        {%- for end, _ in ends %}
        count(distinct venue) filter (where is_known_at_{{ end }})::integer
            as venues_known_at_{{ end }},
        bool_or(is_missing_at_{{ end }}) as is_missing_at_{{ end }},
        {%- endfor %}

    from by_asset

    group by all
    {% if not loop.last %}
    union all
    {% endif %}
    {% endfor %}

)

from final
