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
        -- By the symbol alone; a listing takes precedence.
        {{ normalised_asset('venue_asset') }} as spelled_asset,

    from unioned

)

from final
