with

percentiles as (

    from {{ ref('int_stress_percentiles') }}

    where hour_at >= {{ first_hour_read(var('stress_window_hours')) }}

),

with_regimes as (

    select
        *,
        {{ stress_regime('percentile', 'replayed') }} as regime,
        -- Histories that overlap: the first and the last one hold all rows of those between.
        greatest(available_at, first_value(available_at) over replayed) as replayed_available_at,

    from percentiles

    window replayed as (
        partition by base_asset, component
        order by hour_at
        range between interval {{ var('stress_window_hours') }} hour preceding and current row
    )

),

final as (

    select
        hour_at,
        base_asset,
        component,
        value,
        percentile,
        history_hours,
        round(weight, 6) as weight,
        round(weight * percentile, 4) as contribution,
        regime,
        label_version,
        hour_at - interval {{ var('stress_window_hours') }} hour as window_start_at,
        hour_at as window_end_at,
        hour_at + interval 1 hour as as_of_at,
        replayed_available_at as available_at,

    from with_regimes

    where hour_at in {{ build_hours() }}

)

select *,

from final

order by hour_at
