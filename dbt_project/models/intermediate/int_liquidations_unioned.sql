with

{% for venue in var('venues') %}
{{ venue }} as (

    from {{ ref('stg_' ~ venue ~ '__liquidations') }}

),

{% endfor %}

tardis as (

    from {{ ref('stg_tardis__liquidations') }}

),

unioned as (

    {% for venue in var('venues') %}
    from {{ venue }}
    union all by name
    {% endfor %}
    from tardis

),

final as (

    select
        *,
        -- What the symbol alone says; a listing goes before it.
        {{ normalised_asset('venue_asset') }} as spelled_asset,

    from unioned

)

from final
