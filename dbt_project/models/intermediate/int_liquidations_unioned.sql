with

{% for venue in var('venues') %}
{{ venue }} as (

    from {{ ref('stg_' ~ venue ~ '__liquidations') }}

),

{% endfor %}

tardis as (

    from {{ ref('stg_tardis__liquidations') }}

),

final as (

    {% for venue in var('venues') %}
    from {{ venue }}
    union all by name
    {% endfor %}
    from tardis

)

from final
