-- Every staged row of every venue, rejected and held ones included.
with

final as (

    {% for venue in var('venues') %}
    from {{ ref('stg_' ~ venue ~ '__volumes') }}
    {% if not loop.last %}union all by name{% endif %}
    {% endfor %}

)

from final
