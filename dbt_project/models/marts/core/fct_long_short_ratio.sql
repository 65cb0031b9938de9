with

sightings as (

    from {{ ref('int_long_short_ratio_unioned') }}

    where hour_at in {{ build_hours() }}

),

final as (

    select
        venue,
        instrument,
        base_asset,
        ratio_kind,
        observed_at,
        long_short_ratio,
        hour_at,
        received_at,
        raw_object,
        raw_line,
        row_in_line,
        batch_id,

    from sightings

    qualify
        row_number() over (
            partition by venue, instrument, ratio_kind, observed_at
            order by {{ winning_sighting() }}
        ) = 1

)

from final
