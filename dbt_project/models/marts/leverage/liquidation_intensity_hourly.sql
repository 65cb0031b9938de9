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

-- The hours of each window, counted back from its last: see exchange_breakdown.
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

hidden as (

    from {{ ref('int_hidden_liquidations_hourly') }}

    where hour_at >= {{ first_hour_read(23) }}

),

instrument_liquidations as (

    from {{ ref('int_instrument_liquidations_hourly') }}

    where hour_at >= {{ first_hour_read(23) }}

),

coverage as (

    from {{ ref('venue_coverage_hourly') }}

    where is_complete
        and hour_at >= {{ first_hour_read(23) }}

),

asset_coverage as (

    from {{ ref('int_asset_coverage_windows') }}

    where hour_at in {{ build_hours() }}

),

open_interest as (

    select
        hour_at,
        venue,
        instrument,
        base_asset,
        try_cast(round(oi_start_usd, 4) as decimal(38, 4)) as oi_start_usd,
        available_at,

    from {{ ref('int_instrument_open_interest_hourly') }}

    where oi_start_usd > 0
        and hour_at >= {{ first_hour_read(23) }}

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
        liquidations.venue,
        liquidations.base_asset,
        liquidations.long_usd,
        liquidations.available_at,
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

reached_instruments as (

    select
        instrument_liquidations.*,
        reach.window_hours,
        instrument_liquidations.hour_at + reach.hours_back * interval 1 hour as as_of_hour_at,

    from instrument_liquidations
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

by_venue as (

    select
        hours.hour_at,
        reached_liquidations.window_hours,
        reached_liquidations.venue,
        reached_liquidations.base_asset,
        sum(reached_liquidations.long_usd) as long_usd,
        max(reached_liquidations.available_at) as available_at,
        {{- summed_moments('reached_liquidations', sides=['long']) }}

    from reached_liquidations
    inner join hours
        on reached_liquidations.as_of_hour_at = hours.hour_at

    group by all

),

all_venues as (

    select
        by_venue.hour_at,
        by_venue.window_hours,
        by_venue.base_asset,
        sum(by_venue.long_usd) as long_usd,
        max(by_venue.available_at) as available_at,
        {{- summed_moments('by_venue', sides=['long']) }}

    from by_venue

    group by all

),

by_instrument as (

    select
        hours.hour_at,
        reached_instruments.window_hours,
        reached_instruments.venue,
        reached_instruments.instrument,
        reached_instruments.base_asset,
        sum(reached_instruments.long_usd) as long_usd,

    from reached_instruments
    inner join hours
        on reached_instruments.as_of_hour_at = hours.hour_at

    group by all

),

-- The venues that were covered in full in every hour of the window.
complete_venues as (

    select
        hours.hour_at,
        reached_coverage.window_hours,
        hours.hour_at + (1 - reached_coverage.window_hours) * interval 1 hour as first_hour_at,
        reached_coverage.venue,
        bool_or(reached_coverage.is_lower_bound) as is_lower_bound,
        bool_or(reached_coverage.publication_rule = 'unknown') as has_unknown_rule,
        max(reached_coverage.available_at) as available_at,

    from reached_coverage
    inner join hours
        on reached_coverage.as_of_hour_at = hours.hour_at

    group by all

    having count(*) = reached_coverage.window_hours

),

-- The same instruments in numerator and denominator: those of complete venues whose open interest at
-- the window's start is known.
matched_by_venue as (

    select
        complete_venues.hour_at,
        complete_venues.window_hours,
        complete_venues.venue,
        open_interest.base_asset,
        count(*) as instruments,
        sum(open_interest.oi_start_usd) as oi_start_usd,
        try_cast(coalesce(sum(by_instrument.long_usd), 0) as decimal(38, 4)) as long_usd,
        bool_or(complete_venues.is_lower_bound) as is_lower_bound,
        bool_or(complete_venues.has_unknown_rule) as has_unknown_rule,
        max(greatest(complete_venues.available_at, open_interest.available_at)) as available_at,

    from complete_venues
    inner join open_interest
        on complete_venues.venue = open_interest.venue
        and complete_venues.first_hour_at = open_interest.hour_at
    left join by_instrument
        on complete_venues.hour_at = by_instrument.hour_at
        and complete_venues.window_hours = by_instrument.window_hours
        and complete_venues.venue = by_instrument.venue
        and open_interest.instrument = by_instrument.instrument
        and open_interest.base_asset = by_instrument.base_asset

    group by all

),

-- Of what a venue hid of an asset, its matched instruments have the part that they have of what it
-- published.
matched_hidden as (

    select
        matched_by_venue.*,
        matched_by_venue.long_usd::double / by_venue.long_usd::double as matched_share,
        {%- for moment in moments() if moment.startswith('hidden') %}
        {%- set power = 2 if moment.endswith('variance') else 1 %}
        try_cast(
            by_venue.long_{{ moment }}::double * matched_share ** {{ power }} as decimal(38, 4)
        ) as long_{{ moment }},
        {%- endfor %}
        {%- for moment in moments() if not moment.startswith('hidden') %}
        case when matched_by_venue.long_usd > 0 then by_venue.long_{{ moment }} end
            as long_{{ moment }},
        {%- endfor %}

    from matched_by_venue
    left join by_venue
        on matched_by_venue.hour_at = by_venue.hour_at
        and matched_by_venue.window_hours = by_venue.window_hours
        and matched_by_venue.venue = by_venue.venue
        and matched_by_venue.base_asset = by_venue.base_asset
        and by_venue.long_usd > 0

),

matched as (

    select
        matched_hidden.hour_at,
        matched_hidden.window_hours,
        matched_hidden.base_asset,
        count(*) as venues,
        sum(matched_hidden.instruments) as instruments,
        sum(matched_hidden.oi_start_usd) as oi_start_usd,
        try_cast(sum(matched_hidden.long_usd) as decimal(38, 4)) as long_usd,
        bool_or(matched_hidden.is_lower_bound) as is_lower_bound,
        bool_or(matched_hidden.has_unknown_rule) as has_unknown_rule,
        max(matched_hidden.available_at) as available_at,
        {{- summed_moments('matched_hidden', sides=['long']) }}

    from matched_hidden

    group by all

),

asset_windows as (

    select
        tracked_assets.hour_at,
        tracked_assets.base_asset,
        tracked_assets.available_at,
        windows.window_hours,
        tracked_assets.hour_at - windows.window_hours * interval 1 hour as hour_before_at,

    from tracked_assets
    cross join windows

),

covered as (

    select
        asset_windows.hour_at,
        asset_windows.base_asset,
        asset_windows.window_hours,
        asset_windows.hour_before_at,
        case asset_windows.window_hours
            when 1 then coalesce(own.is_incomplete_1h, of_all.is_incomplete_1h, true)
            else coalesce(own.is_incomplete_24h, of_all.is_incomplete_24h, true)
        end as is_incomplete,
        case asset_windows.window_hours
            when 1 then coalesce(own.is_lower_bound_1h, of_all.is_lower_bound_1h, true)
            else coalesce(own.is_lower_bound_24h, of_all.is_lower_bound_24h, true)
        end as is_lower_bound,
        case asset_windows.window_hours
            when 1 then coalesce(own.has_unknown_rule_1h, of_all.has_unknown_rule_1h, false)
            else coalesce(own.has_unknown_rule_24h, of_all.has_unknown_rule_24h, false)
        end as has_unknown_rule,
        greatest(
            asset_windows.available_at, coalesce(own.available_at_24h, of_all.available_at_24h)
        ) as available_at,

    from asset_windows
    left join asset_coverage as own
        on asset_windows.hour_at = own.hour_at
        and asset_windows.base_asset = own.base_asset
    left join asset_coverage as of_all
        on asset_windows.hour_at = of_all.hour_at
        and of_all.base_asset = 'ALL'

),

compared as (

    select
        covered.hour_at,
        covered.base_asset,
        covered.window_hours,
        try_cast(
            {{ observed_sum('all_venues.long_usd', 'not covered.is_incomplete') }}
            as decimal(38, 4)
        )
            as long_usd,
        covered.is_incomplete,
        covered.is_lower_bound,
        matched.long_usd as matched_long_usd,
        matched.oi_start_usd::double as matched_oi_start_usd,
        coalesce(matched.venues, 0)::integer as matched_venues,
        coalesce(matched.instruments, 0)::integer as matched_instruments,
        matched.is_lower_bound as is_matched_lower_bound,
        {%- for moment in moments() %}
        all_venues.long_{{ moment }},
        matched.long_{{ moment }} as matched_long_{{ moment }},
        {%- endfor %}
        covered.has_unknown_rule,
        matched.has_unknown_rule as has_matched_unknown_rule,
        -- What was known at the end of the previous hour was known at the window's start.
        market_caps.market_cap_usd as market_cap_start_usd,
        case
            when covered.window_hours = 1 then volumes.volume_usd else volumes.volume_24h_usd
        end as volume_usd,
        -- Instruments' sums are parts of those of all venues.
        greatest(
            covered.available_at,
            all_venues.available_at,
            matched.available_at,
            market_caps.available_at,
            volumes.available_at
        ) as available_at,

    from covered
    left join all_venues
        on covered.hour_at = all_venues.hour_at
        and covered.base_asset = all_venues.base_asset
        and covered.window_hours = all_venues.window_hours
    left join matched
        on covered.hour_at = matched.hour_at
        and covered.base_asset = matched.base_asset
        and covered.window_hours = matched.window_hours
    left join market_caps
        on covered.hour_before_at = market_caps.hour_at
        and covered.base_asset = market_caps.base_asset
    left join volumes
        on covered.hour_at = volumes.hour_at
        and covered.base_asset = volumes.base_asset

),

estimated as (

    select
        * replace (
            coalesce(long_unknown_rule_channel_hours, 0) + has_unknown_rule::integer
                as long_unknown_rule_channel_hours,
            coalesce(matched_long_unknown_rule_channel_hours, 0)
            + coalesce(has_matched_unknown_rule, false)::integer
                as matched_long_unknown_rule_channel_hours
        ),

    from compared

),

-- By window, published figures and their intervals.
with_intervals as (

    select
        *,
        {{- interval_columns('long_usd', 'usd', 'long') }}
        {{- interval_columns('matched_long_usd', 'usd', 'matched_long') }}
        {{ is_partly_unestimated('usd', 'long') }} as has_unestimated_part,
        {{ is_partly_unestimated('usd', 'matched_long') }} as has_matched_unestimated_part,

    from estimated

),

final as (

    select
        hour_at,
        hour_at + interval 1 hour as as_of_at,
        base_asset,
        {%- for hours_back, window in [(1, '1h'), (24, '24h')] %}
        {%- set of_window = 'filter (where window_hours = ' ~ hours_back ~ ')' %}
        max(long_usd) {{ of_window }} as long_{{ window }}_usd,
        {%- for end in ['low', 'mid', 'high'] %}
        max(long_usd_{{ end }}) {{ of_window }} as long_{{ window }}_usd_{{ end }},
        {%- endfor %}
        bool_or(has_unestimated_part) {{ of_window }} as has_unestimated_part_{{ window }},
        max(matched_long_usd) {{ of_window }} as matched_long_{{ window }}_usd,
        {%- for end in ['low', 'mid', 'high'] %}
        max(matched_long_usd_{{ end }}) {{ of_window }} as matched_long_{{ window }}_usd_{{ end }},
        {%- endfor %}
        bool_or(has_matched_unestimated_part) {{ of_window }}
            as has_matched_unestimated_part_{{ window }},
        max(matched_oi_start_usd) {{ of_window }} as matched_oi_start_{{ window }}_usd,
        max(matched_venues) {{ of_window }} as matched_venues_{{ window }},
        max(matched_instruments) {{ of_window }} as matched_instruments_{{ window }},
        round(max(1e4 * matched_long_usd::double / nullif(matched_oi_start_usd, 0)) {{ of_window }}, 6)
            as long_intensity_{{ window }}_bp,
        {%- for end in ['low', 'mid', 'high'] %}
        round(
            max(
                1e4 * matched_long_usd_{{ end }}::double / nullif(matched_oi_start_usd, 0)
            ) {{ of_window }},
            6
        ) as long_intensity_{{ window }}_bp_{{ end }},
        {%- endfor %}
        bool_or(is_matched_lower_bound) {{ of_window }}
            as long_intensity_{{ window }}_is_lower_bound,
        max(market_cap_start_usd) {{ of_window }} as market_cap_start_{{ window }}_usd,
        round(max(1e4 * long_usd::double / nullif(market_cap_start_usd, 0)) {{ of_window }}, 6)
            as long_{{ window }}_to_market_cap_bp,
        max(volume_usd) {{ of_window }} as volume_{{ window }}_usd,
        round(max(1e4 * long_usd::double / nullif(volume_usd, 0)) {{ of_window }}, 6)
            as long_{{ window }}_to_volume_bp,
        bool_or(is_lower_bound) {{ of_window }} as is_lower_bound_{{ window }},
        bool_or(is_incomplete) {{ of_window }} as is_incomplete_{{ window }},
        {%- endfor %}
        max(available_at) as available_at,

    from with_intervals

    group by all

)

select *,

from final

order by hour_at
