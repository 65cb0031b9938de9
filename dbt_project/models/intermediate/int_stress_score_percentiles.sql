-- One row per hour and base_asset or ALL: where the stress score stands among its own last 90 days.
-- The hysteresis of the regimes replays these.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at', 'lookback_hours': 5067},
) }}

with

scores as (

    select
        hour_at,
        base_asset,
        score,

    from {{ ref('int_stress_percentiles') }}

    where hour_at >= {{ first_hour_read(stress_window_hours()) }}

),

final as (

    {{ trailing_percentiles('scores', ['score'], stress_window_hours(), 168) | indent(4) }}

)

select *,

from final

order by hour_at
