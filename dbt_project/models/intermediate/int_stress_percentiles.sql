-- One row per hour, base_asset or ALL, and stress component: its percentile within its own last 90
-- days and its weight in the score.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}

with

component_values as (

    from {{ ref('int_stress_values') }}

    where hour_at >= {{ first_hour_read(var('stress_window_hours')) }}

),

weights as (

    from {{ ref('stress_weights') }}

),

percentiles as (

    {{ trailing_percentiles(
        'component_values', 'value', ['base_asset', 'component'], var('stress_window_hours'),
        var('stress_min_history_hours')
    ) | indent(4) }}

),

weighted as (

    select
        -- A weight depends on which other components are known.
        percentiles.* replace (max(percentiles.available_at) over of_row as available_at),
        weights.weight,
        weights.position,
        weights.label_version,
        (sum(try_cast(weights.weight as decimal(18, 9))) over of_row)::double as total_weight,
        (
            sum(try_cast(weights.weight as decimal(18, 9)))
                filter (where percentiles.percentile is not null) over of_row
        )::double as known_weight,

    from percentiles
    inner join weights
        on percentiles.component = weights.component

    window of_row as (partition by percentiles.hour_at, percentiles.base_asset)

),

final as (

    select
        hour_at,
        base_asset,
        component,
        position,
        value,
        percentile,
        history_hours,
        round(coalesce(known_weight, 0) / total_weight, 6) as known_weight_share,
        case
            when percentile is not null
                and known_weight >= {{ var('stress_min_known_weight_share') }} * total_weight
                then weight / known_weight
        end as weight,
        label_version,
        available_at,

    from weighted

)

select *,

from final

order by hour_at
