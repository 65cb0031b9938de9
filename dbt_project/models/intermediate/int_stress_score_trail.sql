-- The outcomes that the scorecard of the days being built sums up, with those days themselves.
{%- set trail_hours = 24 * (var('stress_graded_days') | int) %}
{%- set lag_hours = 24 + (var('episode_max_hours') | int) + 24 %}

with

built as (

    select hour_at,

    from {{ as_of_build_hours() }}

    where hour(hour_at) = 23

),

outcomes as (

    from {{ ref('int_stress_outcomes_daily') }}

    where hour_at >= {{ first_hour_read(trail_hours) }}
        and exists (select 1, from built)

),

-- A forecast has its chances from the fit at the end of the day before.
fits as (

    select
        hour_at + interval {{ lag_hours }} hour as hour_at,
        max(available_at) as available_at,

    from {{ ref('int_stress_fits_daily') }}

    where hour_at >= {{ first_hour_read(trail_hours + lag_hours) }}

    group by all

),

final as (

    select
        outcomes.hour_at,
        outcomes.hour_at in (select hour_at, from built) as is_built,
        {{ graded_columns() }}
        greatest(outcomes.available_at, fits.available_at) as available_at,

    from outcomes
    left join fits
        on outcomes.hour_at = fits.hour_at

)

from final
