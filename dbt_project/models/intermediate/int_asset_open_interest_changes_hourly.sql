-- One row per hour and base_asset: how the open interest of the same instruments changed over the
-- hour and over the 24 hours up to its end.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}
{%- set windows = [('1h', 1), ('24h', 24)] %}

with

instruments as (

    from {{ ref('int_instrument_open_interest_hourly') }}

    where hour_at >= {{ first_hour_read(23) }}

),

-- A window's start is the start of its first hour.
ends as (

    {% for _, hours in windows -%}
    select
        hour_at,
        {{ hours }} as window_hours,
        venue,
        instrument,
        base_asset,
        null::double as start_usd,
        null::double as start_base,
        oi_end_usd as end_usd,
        oi_end_base as end_base,
        available_at,

    from instruments

    union all

    select
        hour_at + interval {{ hours - 1 }} hour as hour_at,
        {{ hours }} as window_hours,
        venue,
        instrument,
        base_asset,
        oi_start_usd as start_usd,
        oi_start_base as start_base,
        null::double as end_usd,
        null::double as end_base,
        available_at,

    from instruments
    {% if not loop.last %}
    union all
    {% endif %}
    {% endfor %}

),

both_ends as (

    select
        hour_at,
        window_hours,
        venue,
        instrument,
        base_asset,
        max(start_usd) as start_usd,
        max(start_base) as start_base,
        max(end_usd) as end_usd,
        max(end_base) as end_base,
        coalesce(max(start_base), max(start_usd)) is not null as is_known_at_start,
        coalesce(max(end_base), max(end_usd)) is not null as is_known_at_end,
        max(available_at) as available_at,

    from ends

    where hour_at in {{ build_hours() }}

    group by hour_at, window_hours, venue, instrument, base_asset

),

-- Summed in decimals, so that the order of the instruments makes no difference.
matched as (

    select
        hour_at,
        window_hours,
        base_asset,
        sum(try_cast(round(start_usd, 4) as decimal(38, 4))) filter (where end_usd is not null)
            as start_usd,
        sum(try_cast(round(end_usd, 4) as decimal(38, 4))) filter (where start_usd is not null)
            as end_usd,
        sum(try_cast(round(start_base, 8) as decimal(38, 8))) filter (where end_base is not null)
            as start_base,
        sum(try_cast(round(end_base, 8) as decimal(38, 8))) filter (where start_base is not null)
            as end_base,
        count(*) filter (where start_base is not null and end_base is not null) as instruments,
        count(distinct venue) filter (where start_base is not null and end_base is not null)
            as venues,
        count(distinct venue) filter (where start_usd is not null and end_usd is not null)
            as usd_venues,
        count(*) filter (where is_known_at_start != is_known_at_end) as unmatched_instruments,
        max(available_at) as available_at,

    from both_ends

    group by all

),

final as (

    select
        hour_at,
        base_asset,
        {%- for window, hours in windows %}
        {%- set of_window = 'filter (where window_hours = ' ~ hours ~ ')' %}
        max(round(end_base::double / nullif(start_base::double, 0) - 1, 8)) {{ of_window }}
            as oi_change_{{ window }}_share,
        max(round(end_usd::double / nullif(start_usd::double, 0) - 1, 8)) {{ of_window }}
            as oi_usd_change_{{ window }}_share,
        max(start_usd) {{ of_window }} as matched_start_{{ window }}_usd,
        coalesce(max(instruments) {{ of_window }}, 0)::integer
            as oi_change_{{ window }}_instruments,
        coalesce(max(venues) {{ of_window }}, 0)::integer as oi_change_{{ window }}_venues,
        coalesce(max(usd_venues) {{ of_window }}, 0)::integer
            as oi_usd_change_{{ window }}_venues,
        coalesce(max(unmatched_instruments) {{ of_window }}, 0)::integer
            as unmatched_{{ window }}_instruments,
        {%- endfor %}
        max(available_at) as available_at,

    from matched

    group by all

)

from final
