{#- The components of the stress score that are graded; a test compares them with the seed. -#}
{% macro stress_components() -%}
    {{ return([
        'oi_to_market_cap', 'oi_weighted_funding_8h', 'long_imbalance_24h', 'intensity_24h_bp',
        'realised_volatility_24h', 'mass_below_spot',
    ]) }}
{%- endmacro %}


{#-
    The columns of a trail of int_stress_outcomes_daily, as the tail of a select: the days being built
    and the rows whose outcome they sum up.
-#}
{% macro graded_columns() -%}
    outcomes.forecast_hour_at,
    outcomes.base_asset,
    outcomes.score,
    outcomes.lagged_long_ratio,
    {%- for component in stress_components() %}
    outcomes.{{ component }}_percentile,
    {%- endfor %}
    outcomes.is_in_episode,
    outcomes.next_episode_at,
    outcomes.is_event_1h,
    outcomes.is_event_4h,
    outcomes.is_event_24h,
{%- endmacro %}
