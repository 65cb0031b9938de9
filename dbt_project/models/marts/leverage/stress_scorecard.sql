{{ config(post_hook="{{ prune_as_of_hours() }}") }}
{%- set settled_days = 1 + (var('episode_max_hours') | int) // 24 %}

with

scores as (

    from {{ ref('int_stress_scores_daily') }}

    where hour_at in {{ as_of_build_hours() }}

),

weights as (

    select distinct label_version,

    from {{ ref('stress_weights') }}

),

final as (

    select
        scores.hour_at,
        scores.base_asset,
        scores.horizon_hours,
        scores.predictor,
        case
            when scores.predictor in ('score', 'combination') then scores.predictor
            when scores.predictor = 'lagged_long_liquidations' then 'baseline'
            when scores.predictor like 'placebo%' then 'placebo'
            else 'component'
        end as predictor_kind,
        scores.distinct_episodes < 30 as is_case_study,
        case
            when scores.distinct_episodes < 30 then 'case_study'
            when scores.predictor = 'lagged_long_liquidations' then 'baseline'
            when scores.auc_gain_over_lagged_low > 0 then 'better'
            when scores.auc_gain_over_lagged_high < 0 then 'worse'
            else 'undecided'
        end as comparison_outcome,
        scores.graded_hours,
        scores.graded_days,
        scores.event_hours,
        scores.event_share,
        scores.episodes,
        scores.distinct_episodes,
        scores.auc,
        scores.auc_low,
        scores.auc_high,
        {%- for baseline in ['lagged', 'volatility', 'funding'] %}
        scores.{{ baseline }}_auc,
        scores.auc_gain_over_{{ baseline }},
        scores.auc_gain_over_{{ baseline }}_low,
        scores.auc_gain_over_{{ baseline }}_high,
        {%- endfor %}
        scores.detectable_auc_gain,
        scores.auc_pr,
        scores.lagged_auc_pr,
        scores.top_precision,
        scores.top_precision_low,
        scores.top_precision_high,
        scores.alarm_threshold,
        scores.alarm_recall,
        scores.alarm_recall_low,
        scores.alarm_recall_high,
        scores.alarmed_episodes,
        scores.median_lead_hours,
        scores.brier_score,
        scores.brier_skill,
        scores.brier_skill_low,
        scores.brier_skill_high,
        scores.shift_p_value,
        weights.label_version,
        '{{ var('scorecard_version') }}' as scorecard_version,
        scores.hour_at + interval 1 hour
        - interval {{ settled_days + (var('stress_graded_days') | int) }} day as window_start_at,
        scores.hour_at + interval 1 hour - interval {{ settled_days }} day as window_end_at,
        scores.hour_at + interval 1 hour as as_of_at,
        scores.available_at,

    from scores
    cross join weights

)

select *,

from final

order by hour_at
