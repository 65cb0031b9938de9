-- The outcomes that the scores of the days being built are made of, with those days themselves.
{%- set trail_hours = 24 * (var('map_graded_days') | int + var('map_fitted_days') | int) %}

with

built as (

    select hour_at,

    from {{ build_hours() }}

    where hour(hour_at) = 23

),

outcomes as (

    from {{ ref('int_liquidation_map_outcomes_daily') }}

    where hour_at >= {{ first_hour_read(trail_hours) }}
        and exists (select 1, from built)

),

final as (

    select
        outcomes.hour_at,
        outcomes.hour_at in (select hour_at, from built) as is_built,
        outcomes.base_asset,
        outcomes.horizon_hours,
        outcomes.liquidated_side,
        outcomes.price_bucket,
        {%- for leverage in mix_leverages() %}
        outcomes.mass_{{ leverage }}x_usd,
        {%- endfor %}
        outcomes.liquidated_usd,
        outcomes.liquidated_anywhere_usd,
        outcomes.traded_usd,
        outcomes.available_at,

    from outcomes

)

from final
