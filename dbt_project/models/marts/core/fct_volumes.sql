with

sightings as (

    from {{ ref('int_volumes_unioned') }}

    where hour_at in {{ build_hours() }}

),

final as (

    select
        venue,
        instrument,
        base_asset,
        observed_at,
        window_hours::integer as window_hours,
        volume_base * asset_multiplier as volume_base,
        volume_usd,
        hour_at,
        received_at,
        raw_object,
        raw_line,
        row_in_line,
        batch_id,

    from sightings

    qualify
        row_number() over (
            partition by venue, instrument, observed_at, window_hours
            order by {{ winning_sighting() }}
        ) = 1

)

from final
