-- One row per hour and base_asset or ALL: each stress component's percentile among its own last
-- 90 days, and the score, the weighted mean of the percentiles that are known.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at', 'lookback_hours': 2907},
) }}
{%- set components = stress_components() %}

with

components as (

    from {{ ref('int_stress_components') }}

    where hour_at >= {{ first_hour_read(stress_window_hours()) }}

),

weights as (

    select
        {% for component in components -%}
        sum(weight) filter (where component = '{{ component }}') as {{ component }}_weight,
        {% endfor -%}
        max(label_version) as label_version,

    from {{ ref('stress_weights') }}

),

percentiles as (

    {{ trailing_percentiles('components', components, stress_window_hours(), 168) | indent(4) }}

),

weighed as (

    select
        percentiles.*,
        weights.*,
        {% for component in components -%}
        case
            when percentiles.{{ component }}_percentile is not null
                then weights.{{ component }}_weight
            else 0
        end
        {{- " +" if not loop.last else " as known_weight," }}
        {% endfor -%}
        {% for component in components -%}
        weights.{{ component }}_weight
        {{- " +" if not loop.last else " as whole_weight," }}
        {% endfor %}

    from percentiles
    cross join weights

),

-- Under half of the weight a mean would say more about what is missing than about the market.
contributions as (

    select
        *,
        round(known_weight / whole_weight, 6) as known_weight_share,
        {% for component in components -%}
        case
            when known_weight >= 0.5 * whole_weight and {{ component }}_percentile is not null
                then {{ component }}_weight / known_weight
        end as {{ component }}_used_weight,
        {% endfor %}

    from weighed

),

final as (

    select
        hour_at,
        base_asset,
        {% for component in components -%}
        {{ component }},
        {{ component }}_percentile,
        {{ component }}_history,
        round({{ component }}_used_weight, 6) as {{ component }}_weight,
        round({{ component }}_used_weight * {{ component }}_percentile, 4)
            as {{ component }}_contribution,
        {% endfor -%}
        known_weight_share,
        case
            when known_weight >= 0.5 * whole_weight
                then round(
                    {% for component in components -%}
                    coalesce({{ component }}_used_weight * {{ component }}_percentile, 0)
                    {{- " +" if not loop.last }}
                    {% endfor -%}
                    , 4
                )
        end as score,
        concat_ws(
            ', ',
            {% for component in components -%}
            case when {{ component }}_percentile is null then '{{ component }}' end
            {{- "," if not loop.last }}
            {% endfor %}
        ) as missing_components,
        label_version,

    from contributions

)

select *,

from final

order by hour_at
