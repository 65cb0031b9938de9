with

sightings as (

    from {{ ref('int_funding_unioned') }}

    where hour_at in {{ build_hours() }}

),

final as (

    select
        venue,
        instrument,
        base_asset,
        observed_at as funding_at,
        funding_rate,
        interval_hours,
        interval_source,
        is_settled,
        hour_at,
        received_at,
        raw_object,
        raw_line,
        row_in_line,
        batch_id,

    from sightings

    qualify
        row_number() over (
            partition by venue, instrument, observed_at, is_settled
            order by {{ winning_sighting() }}
        ) = 1

)

from final
