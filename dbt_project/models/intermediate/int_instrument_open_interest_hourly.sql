-- One row per hour, venue and instrument: open interest at the hour's start, at its end and as last
-- known, in dollars and in coins.
--
-- The first minutes of the next hour can give the value at the end: the refresh rebuilds the hour
-- before each pending one.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}
{%- set hour_end = "(hour_at + interval 1 hour)" %}

with

observations as (

    select
        venue,
        instrument,
        base_asset,
        observed_at,
        hour_at,
        if(oi_usd >= 0, oi_usd, null) as oi_usd,
        if(oi_base >= 0, oi_base, null) as oi_base,
        if(oi_usd >= 0, observed_at, null) as usd_observed_at,
        if(oi_usd >= 0, available_at, null) as usd_available_at,
        if(oi_base >= 0, available_at, null) as base_available_at,

    from {{ ref('fct_open_interest') }}

    where (oi_usd >= 0 or oi_base >= 0)
        and base_asset is not null
        and hour_at >= {{ first_hour_read(1) }}

),

usable as (

    from {{ observations_by_hour(
        'observations',
        [
            'venue', 'instrument', 'base_asset', 'oi_usd', 'oi_base', 'usd_observed_at',
            'usd_available_at', 'base_available_at',
        ],
    ) }}

),

final as (

    select
        hour_at,
        venue,
        instrument,
        base_asset,
        {{ observed_around('oi_usd', 'hour_at') }} as oi_start_usd,
        {{ observed_around('oi_usd', hour_end) }} as oi_end_usd,
        coalesce(
            oi_end_usd,
            arg_max(oi_usd, observed_at) filter (
                where oi_usd is not null and observed_at >= hour_at and observed_at < {{ hour_end }}
            )
        ) as oi_last_usd,
        {{ observed_around('oi_base', 'hour_at') }} as oi_start_base,
        {{ observed_around('oi_base', hour_end) }} as oi_end_base,
        {{ observed_around('usd_observed_at', hour_end) }} as oi_end_observed_at,
        greatest(
            {{ observed_around('usd_available_at', 'hour_at') }},
            {{ observed_around('usd_available_at', hour_end) }},
            {{ observed_around('base_available_at', 'hour_at') }},
            {{ observed_around('base_available_at', hour_end) }},
            max(coalesce(usd_available_at, base_available_at)) filter (
                where observed_at >= hour_at and observed_at < {{ hour_end }}
            )
        ) as available_at,

    from usable

    where hour_at in {{ build_hours() }}

    group by all

)

from final
