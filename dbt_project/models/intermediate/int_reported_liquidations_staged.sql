-- Every staged sum of liquidations of every source, rejected and held ones included.
with

final as (

    {% for source in var('reporting_sources') %}
    from {{ ref('stg_' ~ source ~ '__reported_liquidations') }}
    union all by name
    {% endfor %}
    from {{ ref('stg_csv__reported_liquidations') }}

)

from final
