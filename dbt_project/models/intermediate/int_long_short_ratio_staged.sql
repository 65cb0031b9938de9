-- Every staged row of every venue, rejected and held ones included.
with

final as (

    {% for venue in var('venues') %}
    from {{ ref('stg_' ~ venue ~ '__long_short_ratio') }}
    union all by name
    {% endfor %}
    from {{ ref('stg_csv__long_short_ratio') }}

)

from final
