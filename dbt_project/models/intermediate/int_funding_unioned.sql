-- Every good and not held sighting of every venue, with the normalised asset.
with

staged as (

    {% for venue in var('venues') %}
    from {{ ref('stg_' ~ venue ~ '__funding') }}
    union all by name
    {% endfor %}
    from {{ ref('stg_tardis__funding') }}
    union all by name
    from {{ ref('stg_csv__funding') }}

),

final as (

    select
        *,
        {{ normalised_asset('venue_asset') }} as base_asset,
        {{ asset_multiplier('venue_asset') }} as asset_multiplier,

    from staged

    where {{ is_accepted_observation() }}

)

from final
