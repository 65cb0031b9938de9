-- The outcomes that the fits of the days being built are of, with those days themselves.
{%- set trail_hours = 24 * (var('stress_fitted_days') | int) %}

with

built as (

    select hour_at,

    from {{ build_hours() }}

    where hour(hour_at) = 23

),

outcomes as (

    from {{ ref('int_stress_outcomes_daily') }}

    where hour_at >= {{ first_hour_read(trail_hours) }}
        and exists (select 1, from built)

),

final as (

    select
        outcomes.hour_at,
        outcomes.hour_at in (select hour_at, from built) as is_built,
        {{ graded_columns() }}
        outcomes.available_at,

    from outcomes

)

from final
