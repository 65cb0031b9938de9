-- One row per UTC day (hour_at is its last hour), base_asset, side, leverage and price bucket with
-- estimated positions that were opened on the day and are alive at its end.
--
-- Later days carry them on: an hour costs its own day's openings and one row per level of the days
-- before, not a month of hours.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}

with

built as (

    select
        hour_at,
        hour_at - interval 23 hour as from_at,

    from {{ build_hours() }}

    where hour(hour_at) = 23

),

flows as (

    from {{ ref('int_position_flows_hourly') }}

    where hour_at >= {{ first_hour_read(23) }}
        and exists (select 1, from built)

),

entries as (

    from {{ ref('int_position_entries_hourly') }}

    where hour_at >= {{ first_hour_read(23) }}
        and exists (select 1, from built)

),

{{ hours_of_positions() }},

{{ placed_levels() }},

final as (

    select
        hour_at,
        base_asset,
        liquidated_side,
        leverage,
        price_bucket,
        position_base,

    from placed

    where position_base * {{ bucket_middle('price_bucket') }} >= {{ var('map_opened_floor_usd') }}

)

select *,

from final

order by hour_at
