with

sightings as (

    from {{ ref('int_funding_unioned') }}

    where hour_at in {{ build_hours() }}

),

intervals as (

    from {{ ref('int_funding_intervals') }}

    where hour_at in {{ build_hours() }}

),

winners as (

    from sightings

    qualify
        row_number() over (
            partition by venue, instrument, observed_at, is_settled
            order by {{ winning_sighting() }}
        ) = 1

),

final as (

    select
        winners.venue,
        winners.instrument,
        winners.base_asset,
        winners.observed_at as funding_at,
        winners.funding_rate,
        intervals.interval_hours,
        intervals.interval_source,
        winners.is_settled,
        winners.hour_at,
        winners.received_at,
        winners.raw_object,
        winners.raw_line,
        winners.batch_id,

    from winners
    left join intervals
        on winners.venue = intervals.venue
        and winners.instrument = intervals.instrument
        and winners.observed_at = intervals.funding_at
        and winners.is_settled = intervals.is_settled

)

from final
