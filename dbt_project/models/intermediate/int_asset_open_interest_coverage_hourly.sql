-- One row per hour and tracked base_asset, and ALL: which venues should be in its open interest, and
-- whether any is missing at the hour's start or at its end.
--
-- Expected at an instant is every instrument of the asset that its venue lists as trading then, and every
-- one that reported in the day before (int_asset_open_interest_linked_hourly counts those).
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}
{%- set ends = [('start', 'hour_at'), ('end', 'hour_at + interval 1 hour')] %}

with

tracked_assets as (

    from {{ ref('int_tracked_assets_hourly') }}

    where hour_at in {{ build_hours() }}

),

instruments as (

    select
        venue,
        instrument,
        base_asset,
        valid_from,
        coalesce(valid_to, timestamp '9999-12-31') as valid_to,

    from {{ ref('int_instrument_versions') }}

    where is_trading

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
        instrument,
        oi_start_usd is not null as is_known_at_start,
        oi_end_usd is not null as is_known_at_end,
        available_at,

    from {{ ref('int_instrument_open_interest_hourly') }}

    where hour_at in {{ build_hours() }}

),

listed as (

    select
        tracked_assets.hour_at,
        tracked_assets.base_asset,
        instruments.venue,
        instruments.instrument,
        {%- for end, instant in ends %}
        bool_or(
            tracked_assets.{{ instant }} >= instruments.valid_from
            and tracked_assets.{{ instant }} < instruments.valid_to
        ) as is_listed_at_{{ end }},
        {%- endfor %}

    from tracked_assets
    inner join instruments
        on tracked_assets.base_asset = instruments.base_asset
        and tracked_assets.hour_at + interval 1 hour >= instruments.valid_from
        and tracked_assets.hour_at < instruments.valid_to

    group by all

),

known_and_listed as (

    select
        coalesce(reporting.hour_at, listed.hour_at) as hour_at,
        coalesce(reporting.base_asset, listed.base_asset) as base_asset,
        coalesce(reporting.venue, listed.venue) as venue,
        reporting.available_at,
        {%- for end, _ in ends %}
        coalesce(reporting.is_known_at_{{ end }}, false) as is_known_at_{{ end }},
        coalesce(listed.is_listed_at_{{ end }}, false) as is_listed_at_{{ end }},
        {%- endfor %}

    from reporting
    full outer join listed
        on reporting.hour_at = listed.hour_at
        and reporting.base_asset = listed.base_asset
        and reporting.venue = listed.venue
        and reporting.instrument = listed.instrument

),

venues as (

    select
        hour_at,
        base_asset,
        venue,
        {%- for end, _ in ends %}
        bool_or(is_listed_at_{{ end }}) as is_listed_at_{{ end }},
        bool_or(is_known_at_{{ end }}) as is_known_at_{{ end }},
        bool_or(is_listed_at_{{ end }} and not is_known_at_{{ end }}) as is_missing_at_{{ end }},
        {%- endfor %}
        max(available_at) as available_at,

    from known_and_listed

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
        coalesce(venues.is_missing_at_{{ end }}, false)
            or coalesce({{ 'linked' if end == 'end' else 'former' }}.missing_instruments, 0) > 0
            as is_missing_at_{{ end }},
        {%- endfor %}
        greatest(
            tracked_assets.available_at,
            venues.available_at,
            linked.reported_available_at,
            former.reported_available_at
        ) as available_at,

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
        max(available_at) as available_at,

    from by_asset

    group by all
    {% if not loop.last %}
    union all
    {% endif %}
    {% endfor %}

)

from final
