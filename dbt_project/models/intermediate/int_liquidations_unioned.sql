with

{% for venue in var('venues') %}
{{ venue }} as (

    from {{ ref('stg_' ~ venue ~ '__liquidations') }}

),

{% endfor %}

final as (

    {% for venue in var('venues') %}
    from {{ venue }}
    {% if not loop.last %}union all by name{% endif %}
    {% endfor %}

)

from final
