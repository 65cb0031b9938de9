with

streamed as (

    select
        venue_hours.batch_id,
        venue_hours.venue,
        venue_hours.hour_at,
        venue_hours.covered_share,

    from {{ source('ops', 'venue_hours') }} as venue_hours
    semi join {{ source('ops', 'stream_gaps') }} as gaps
        on venue_hours.hour_at = gaps.hour_at
        and venue_hours.venue = gaps.venue
    anti join {{ source('ops', 'holds') }} as holds
        on venue_hours.batch_id = holds.batch_id
        and venue_hours.venue = holds.venue
        and holds.released_at is null

    where venue_hours.source_kind = 'stream'
        and venue_hours.outcome != 'failed'

),

-- What landed twice was received where either landing received it: the better covered one counts.
best_covered as (

    from streamed

    qualify row_number() over (
        partition by venue, hour_at
        order by coalesce(covered_share, 0) desc, batch_id asc
    ) = 1

),

final as (

    select
        gaps.hour_at,
        gaps.venue,
        epoch(gaps.from_at) - epoch(gaps.hour_at) as from_second,
        epoch(gaps.to_at) - epoch(gaps.hour_at) as to_second,

    from {{ source('ops', 'stream_gaps') }} as gaps
    semi join best_covered
        on gaps.batch_id = best_covered.batch_id
        and gaps.venue = best_covered.venue
        and gaps.hour_at = best_covered.hour_at

)

from final
