-- Every good and not held sighting of every venue, with the asset that its listing of that time names.
with

staged as (

    {% for venue in var('venues') %}
    from {{ ref('stg_' ~ venue ~ '__volumes') }}
    {% if not loop.last %}union all by name{% endif %}
    {% endfor %}

),

versions as (

    from {{ ref('int_instrument_versions') }}

),

accepted as (

    from staged

    where {{ is_accepted_observation() }}

),

final as (

    select
        accepted.*,
        coalesce(versions.base_asset, {{ normalised_asset('accepted.venue_asset') }})
            as base_asset,
        coalesce(versions.asset_multiplier, {{ asset_multiplier('accepted.venue_asset') }})
            as asset_multiplier,

    from accepted
    left join versions
        on accepted.venue = versions.venue
        and accepted.instrument = versions.instrument
        and accepted.observed_at >= versions.valid_from
        and (accepted.observed_at < versions.valid_to or versions.valid_to is null)

)

from final
