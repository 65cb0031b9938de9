-- One row per hour and base_asset or ALL: the stress score, and its percentile within its own last 90
-- days.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}

with

components as (

    from {{ ref('int_stress_percentiles') }}

    where hour_at >= {{ first_hour_read(var('stress_window_hours')) }}

),

-- Summed in decimals, so that the order of the components makes no difference.
scores as (

    select
        hour_at,
        base_asset,
        round(sum(try_cast(weight * percentile as decimal(38, 12)))::double, 4) as score,
        any_value(known_weight_share) as known_weight_share,
        coalesce(
            string_agg(component, ', ' order by position asc) filter (where percentile is null),
            ''
        ) as missing_components,
        any_value(label_version) as label_version,
        max(available_at) as available_at,

    from components

    group by all

),

percentiles as (

    {{ trailing_percentiles(
        'scores', 'score', ['base_asset'], var('stress_window_hours'), var('stress_min_history_hours')
    ) | indent(4) }}

),

final as (

    select
        percentiles.hour_at,
        percentiles.base_asset,
        percentiles.score,
        percentiles.percentile as score_percentile,
        percentiles.history_hours as score_history_hours,
        scores.known_weight_share,
        scores.missing_components,
        scores.label_version,
        percentiles.available_at,

    from percentiles
    inner join scores
        on percentiles.hour_at = scores.hour_at
        and percentiles.base_asset = scores.base_asset

)

select *,

from final

order by hour_at
