-- Every good and not held sighting of every venue, with the normalised asset.
with

staged as (

    {% for venue in var('venues') %}
    from {{ ref('stg_' ~ venue ~ '__long_short_ratio') }}
    union all by name
    {% endfor %}
    from {{ ref('stg_csv__long_short_ratio') }}

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
