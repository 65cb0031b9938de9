{#-
    The components of the stress score, in the order of its columns. `seeds/stress_weights.csv`
    gives their weights. `mass_below_spot` needs a map of unrealised levels; without one its value
    is null, so it is named as missing and the others' weights are renormalised.
-#}
{% macro stress_components() -%}
    {{ return([
        "oi_to_market_cap",
        "oi_weighted_funding_8h",
        "long_imbalance_24h",
        "intensity_24h_bp",
        "realised_volatility_24h",
        "mass_below_spot",
    ]) }}
{%- endmacro %}


{#- The trailing window of the stress percentiles and regimes, in hours: 90 days. -#}
{% macro stress_window_hours() -%}
    {{ return(2160) }}
{%- endmacro %}
