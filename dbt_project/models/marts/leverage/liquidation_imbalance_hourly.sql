{#- Standard normal quantile of a two-sided 90% interval. -#}
{% set z = 1.6448536 %}
{#-
    Windows in hours, and for each the lengths in minutes of the blocks that account for cascades.
    2026-11-25: on simulated cascades of 1 to 3 minutes blocks of up to a quarter of an hour hold
    the hour's share in 84 to 94% of hours, plain Wilson in 15 to 30% (docs/semantics.md).
-#}
{% set windows = [('1h', 1, [1, 5, 15]), ('24h', 24, [1, 15, 60])] %}
{% set block_lengths = [1, 5, 15, 60] %}

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

liquidations as (

    from {{ ref('liquidations_hourly') }}

    where hour_at >= {{ first_hour_read(23) }}

),

hidden as (

    from {{ ref('int_hidden_liquidations_hourly') }}

    where hour_at >= {{ first_hour_read(23) }}

),

minutes as (

    select
        minute_at,
        hour_at,
        case when grouping(base_asset) = 1 then 'ALL' else base_asset end as base_asset,
        sum(coalesce(long_events, 0)) as long_events,
        sum(events) as events,

    from {{ ref('liquidations_minutely') }}

    where hour_at >= {{ first_hour_read(23) }}

    group by minute_at, hour_at, rollup(base_asset)

),

coverage as (

    from {{ ref('int_asset_coverage_windows') }}

    where hour_at in {{ build_hours() }}

),

-- The hours of a day, counted back from its last: see exchange_breakdown.
day as (

    select unnest(range(24)) as hours_back,

),

asset_hours as (

    select
        hour_at,
        base_asset,
        available_at,

    from tracked_assets

    union all

    select
        hour_at,
        'ALL' as base_asset,
        null::timestamp as available_at,

    from hours

),

hourly_totals as (

    select
        liquidations.hour_at,
        case
            when grouping(liquidations.base_asset) = 1 then 'ALL' else liquidations.base_asset
        end as base_asset,
        sum(liquidations.long_usd) as long_usd,
        sum(liquidations.short_usd) as short_usd,
        sum(liquidations.long_events) as long_events,
        sum(liquidations.short_events) as short_events,
        bool_or(liquidations.is_lower_bound) as is_lower_bound,
        max(liquidations.available_at) as available_at,
        {{- summed_moments('hidden') }}

    from liquidations
    left join hidden
        on liquidations.hour_at = hidden.hour_at
        and liquidations.venue = hidden.venue
        and liquidations.base_asset = hidden.base_asset

    group by liquidations.hour_at, rollup(liquidations.base_asset)

),

-- Sums of squares over the blocks of an hour; blocks end with it, so hours add up to days.
block_lengths as (

    select unnest({{ block_lengths }}) as block_minutes,

),

blocks as (

    select
        minutes.hour_at,
        minutes.base_asset,
        block_lengths.block_minutes,
        minute(minutes.minute_at) // block_lengths.block_minutes as block_number,
        sum(minutes.long_events) as long_events,
        sum(minutes.events) as events,

    from minutes
    cross join block_lengths

    group by all

),

hourly_squares as (

    select
        hour_at,
        base_asset,
        {%- for minutes in block_lengths %}
        {%- set of_length = 'filter (where block_minutes = ' ~ minutes ~ ')' %}
        count(*) {{ of_length }} as blocks_{{ minutes }}m,
        sum(long_events * long_events) {{ of_length }} as long_squares_{{ minutes }}m,
        sum(long_events * events) {{ of_length }} as products_{{ minutes }}m,
        sum(events * events) {{ of_length }} as squares_{{ minutes }}m,
        {%- endfor %}

    from blocks

    group by all

),

trailing_totals as (

    select
        hourly_totals.hour_at + day.hours_back * interval 1 hour as as_of_hour_at,
        day.hours_back,
        hourly_totals.base_asset,
        hourly_totals.long_usd,
        hourly_totals.short_usd,
        hourly_totals.long_events,
        hourly_totals.short_events,
        hourly_totals.is_lower_bound,
        hourly_totals.available_at,
        {{- each_moment('hourly_totals') }}
        {%- for minutes in block_lengths %}
        hourly_squares.blocks_{{ minutes }}m,
        hourly_squares.long_squares_{{ minutes }}m,
        hourly_squares.products_{{ minutes }}m,
        hourly_squares.squares_{{ minutes }}m,
        {%- endfor %}

    from hourly_totals
    left join hourly_squares
        on hourly_totals.hour_at = hourly_squares.hour_at
        and hourly_totals.base_asset = hourly_squares.base_asset
    cross join day

),

windowed as (

    select
        asset_hours.hour_at,
        asset_hours.base_asset,
        max(greatest(asset_hours.available_at, trailing_totals.available_at)) as available_at,
        {%- for window, hours, lengths in windows %}
        {%- set in_window -%}
        filter (where trailing_totals.hours_back < {{ hours }})
        {%- endset %}
        sum(trailing_totals.long_usd) {{ in_window }} as long_{{ window }}_usd,
        sum(trailing_totals.short_usd) {{ in_window }} as short_{{ window }}_usd,
        sum(trailing_totals.long_events) {{ in_window }} as long_{{ window }}_events,
        sum(trailing_totals.short_events) {{ in_window }} as short_{{ window }}_events,
        bool_or(trailing_totals.is_lower_bound) {{ in_window }} as is_of_lower_bounds_{{ window }},
        {{- summed_moments('trailing_totals', in_window, '_' ~ window) }}
        {%- for minutes in lengths %}
        {%- for name in ['blocks', 'long_squares', 'products', 'squares'] %}
        sum(trailing_totals.{{ name }}_{{ minutes }}m) {{ in_window }}::double
            as {{ name }}_{{ minutes }}m_{{ window }},
        {%- endfor %}
        {%- endfor %}
        {%- endfor %}

    from asset_hours
    left join trailing_totals
        on asset_hours.hour_at = trailing_totals.as_of_hour_at
        and asset_hours.base_asset = trailing_totals.base_asset

    group by all

),

covered as (

    select
        windowed.* replace (
            {%- for window, hours, lengths in windows %}
            {%- for side in ['total', 'long', 'short'] %}
            {%- set unknown = side ~ '_unknown_rule_channel_hours_' ~ window %}
            windowed.{{ unknown }} + coalesce(
                own.has_unknown_rule_{{ window }}, of_all.has_unknown_rule_{{ window }}, false
            )::integer as {{ unknown }},
            {%- endfor %}
            {%- endfor %}
            greatest(
                windowed.available_at, coalesce(own.available_at_24h, of_all.available_at_24h)
            ) as available_at
        ),
        coalesce(own.complete_hours_24h, of_all.complete_hours_24h, 0) as complete_hours_24h,
        {%- for window, hours, lengths in windows %}
        coalesce(own.is_incomplete_{{ window }}, of_all.is_incomplete_{{ window }}, true)
            as is_incomplete_{{ window }},
        coalesce(windowed.is_of_lower_bounds_{{ window }}, false)
        or coalesce(own.is_lower_bound_{{ window }}, of_all.is_lower_bound_{{ window }}, true)
            as is_lower_bound_{{ window }},
        {%- endfor %}

    from windowed
    left join coverage as own
        on windowed.hour_at = own.hour_at
        and windowed.base_asset = own.base_asset
    left join coverage as of_all
        on windowed.hour_at = of_all.hour_at
        and of_all.base_asset = 'ALL'

),

-- Zero where all venues that report the asset were covered in every hour of the window; else the
-- observed value, or null.
observed as (

    select
        *,
        {%- for window, hours, lengths in windows %}
        {%- for figure in ['usd', 'events'] %}
        {%- for side in ['long', 'short'] %}
        try_cast(
            {{ observed_sum(side ~ '_' ~ window ~ '_' ~ figure, 'not is_incomplete_' ~ window) }}
            as {{ 'decimal(38, 4)' if figure == 'usd' else 'bigint' }}
        ) as known_{{ side }}_{{ window }}_{{ figure }},
        {%- endfor %}
        {%- endfor %}
        {%- endfor %}

    from covered

),

counted as (

    select
        *,
        {%- for window, hours, lengths in windows %}
        nullif((known_long_{{ window }}_usd + known_short_{{ window }}_usd)::double, 0)
            as both_{{ window }}_usd,
        nullif((known_long_{{ window }}_events + known_short_{{ window }}_events)::double, 0)
            as events_{{ window }},
        known_long_{{ window }}_events / events_{{ window }} as long_{{ window }}_event_share,
        {%- endfor %}

    from observed

),

-- The effective number of independent events: events over the design effect of the share, less a
-- correction for few blocks. One block is one event; where all events are of one side, their blocks
-- cannot differ and count as one event each.
effective as (

    select
        *,
        {%- for window, hours, lengths in windows %}
        {%- set share, count = 'long_' ~ window ~ '_event_share', 'events_' ~ window %}
        {%- for minutes in lengths %}
        {%- set tail = '_' ~ minutes ~ 'm_' ~ window %}
        case
            when blocks{{ tail }} = 1 then 1
            else ({{ z }} / ({{ student_t_95('blocks' ~ tail ~ ' - 1') }})) ** 2
                * case
                    when {{ share }} in (0, 1) then blocks{{ tail }}
                    else {{ count }} / greatest(
                        1,
                        blocks{{ tail }} / (blocks{{ tail }} - 1)
                        * (
                            long_squares{{ tail }}
                            - 2 * {{ share }} * products{{ tail }}
                            + {{ share }} ** 2 * squares{{ tail }}
                        )
                        * ({{ count }} - 1)
                        / ({{ count }} ** 2 * {{ share }} * (1 - {{ share }}))
                    )
                end
        end as effective{{ tail }},
        {%- endfor %}
        greatest(
            1,
            least(
                {{ count }}
                {%- for minutes in lengths -%}
                , effective_{{ minutes }}m_{{ window }}
                {%- endfor %}
            )
        ) as effective_{{ window }}_events,
        {%- endfor %}

    from counted

),

final as (

    select
        hour_at,
        base_asset,
        {%- for window, hours, lengths in windows %}
        {%- set share = 'long_' ~ window ~ '_event_share' %}
        {%- set count = 'effective_' ~ window ~ '_events' %}
        {%- set centre = '(' ~ share ~ ' + ' ~ z ** 2 / 2 ~ ' / ' ~ count ~ ')' %}
        {%- set half_width -%}
        {{ z }} * sqrt(
                    {{ share }} * (1 - {{ share }}) / {{ count }}
                    + {{ z ** 2 / 4 }} / {{ count }} ** 2
                )
        {%- endset %}
        known_long_{{ window }}_usd as long_{{ window }}_usd,
        known_short_{{ window }}_usd as short_{{ window }}_usd,
        known_long_{{ window }}_events as long_{{ window }}_events,
        known_short_{{ window }}_events as short_{{ window }}_events,
        round(
            (known_long_{{ window }}_usd - known_short_{{ window }}_usd)::double
            / both_{{ window }}_usd,
            6
        ) as imbalance_{{ window }},
        round(known_long_{{ window }}_usd::double / both_{{ window }}_usd, 6)
            as long_dominance_{{ window }},
        {%- for side in ['long', 'short'] %}
        {{- interval_columns(
            side ~ '_' ~ window ~ '_usd', 'usd', side, '_' ~ window,
            'known_' ~ side ~ '_' ~ window ~ '_usd',
        ) }}
        {%- endfor %}
        {%- set both = [
            'long', 'total', 'known_long_' ~ window ~ '_usd',
            'known_long_' ~ window ~ '_usd + known_short_' ~ window ~ '_usd', '_' ~ window,
        ] %}
        {%- set is_partly = is_partly_unestimated('usd', 'total', '_' ~ window) %}
        {%- for end in ['low', 'mid', 'high'] %}
        {%- if end == 'mid' %}
        round(2 * {{ share_of_usd(end, *both) }} - 1, 6) as imbalance_{{ window }}_{{ end }},
        {%- else %}
        case
            when not {{ is_partly }}
                then round(2 * {{ share_of_usd(end, *both) }} - 1, 6)
        end as imbalance_{{ window }}_{{ end }},
        {%- endif %}
        {%- endfor %}
        {%- for end in ['low', 'mid', 'high'] %}
        round(2 * {{ share_of_usd(end, *both, with_unestimated=false) }} - 1, 6)
            as estimated_imbalance_{{ window }}_{{ end }},
        {%- endfor %}
        {{ is_partly }} as has_unestimated_part_{{ window }},
        round({{ share }}, 6) as {{ share }},
        case
            when {{ share }} is not null
                then round(
                    ({{ centre }} - {{ half_width }}) / (1 + {{ z ** 2 }} / {{ count }}), 6
                )
        end as long_{{ window }}_event_share_low,
        case
            when {{ share }} is not null
                then round(
                    ({{ centre }} + {{ half_width }}) / (1 + {{ z ** 2 }} / {{ count }}), 6
                )
        end as long_{{ window }}_event_share_high,
        case when {{ share }} is not null then round({{ count }}, 4) end as {{ count }},
        is_lower_bound_{{ window }},
        is_incomplete_{{ window }},
        {%- endfor %}
        complete_hours_24h::integer as complete_hours_24h,
        hour_at + interval 1 hour as as_of_at,
        available_at,

    from effective

)

select *,

from final

order by hour_at
