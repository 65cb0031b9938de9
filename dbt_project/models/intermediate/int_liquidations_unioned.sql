with

{% for venue in var('venues') %}
{{ venue }} as (

    select * from {{ ref('stg_' ~ venue ~ '__liquidations') }}

),

{% endfor %}

final as (

    {% for venue in var('venues') %}
    select * from {{ venue }}
    {% if not loop.last %}union all by name{% endif %}
    {% endfor %}

)

select * from final
