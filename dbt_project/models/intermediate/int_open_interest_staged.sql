-- Every staged row of every venue, rejected and held ones included.
with

final as (

    {% for venue in var('venues') %}
    from {{ ref('stg_' ~ venue ~ '__open_interest') }}
    union all by name
    {% endfor %}
    from {{ ref('stg_tardis__open_interest') }}
    union all by name
    from {{ ref('stg_csv__open_interest') }}

)

from final
