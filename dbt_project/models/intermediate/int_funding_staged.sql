-- Every staged row of every venue, rejected and held ones included.
with

final as (

    {% for venue in var('venues') %}
    from {{ ref('stg_' ~ venue ~ '__funding') }}
    union all by name
    {% endfor %}
    from {{ ref('stg_tardis__funding') }}
    union all by name
    from {{ ref('stg_csv__funding') }}

)

from final
