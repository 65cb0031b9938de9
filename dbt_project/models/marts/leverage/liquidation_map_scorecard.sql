with

scores as (

    from {{ ref('int_liquidation_map_scores_daily') }}

    where hour_at in {{ build_hours() }}

),

mix as (

    select distinct mix_version,

    from {{ ref('leverage_mix') }}

),

final as (

    select
        scores.hour_at,
        scores.base_asset,
        scores.horizon_hours,
        scores.mix_variant,
        scores.is_default,
        scores.graded_cases,
        scores.graded_days,
        scores.graded_days < 30 as is_case_study,
        scores.liquidated_usd,
        scores.liquidated_anywhere_usd,
        scores.mapped_usd,
        {%- for grade in ['hit_rate', 'hit_gain_over_uniform', 'hit_gain_over_volume',
            'calibration_slope', 'crps_percent', 'crps_gain_over_uniform_percent',
            'crps_gain_over_volume_percent', 'crps_gain_over_fixed_percent'] %}
        scores.{{ grade }},
        scores.{{ grade }}_low,
        scores.{{ grade }}_high,
        {%- endfor %}
        scores.uniform_hit_rate,
        scores.volume_hit_rate,
        scores.uniform_crps_percent,
        scores.volume_crps_percent,
        {%- for leverage in mix_leverages() %}
        scores.weight_{{ leverage }}x,
        {%- endfor %}
        mix.mix_version,
        '{{ var('map_model_version') }}' as model_version,
        scores.hour_at + interval 1 hour - interval {{ var('map_graded_days') }} day
            as window_start_at,
        scores.hour_at + interval 1 hour as window_end_at,
        scores.hour_at + interval 1 hour as as_of_at,
        scores.available_at,

    from scores
    cross join mix

)

select *,

from final

order by hour_at
