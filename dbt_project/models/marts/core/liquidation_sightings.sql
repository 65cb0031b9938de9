with

screened as (

    from {{ ref('int_liquidations_screened') }}

    where reject_reason is null
        and not is_reconciling

),

-- Whatever order sightings came in, the same one wins: the kind of source that is nearest to the
-- venue, then the earliest receipt, then the place in the raw zone.
ranked as (

    select
        *,
        row_number() over (
            partition by liquidation_id
            order by
                case source_kind
                    when 'stream' then 1 when 'rest' then 2 when 'dump' then 3 else 4
                end,
                received_at nulls last,
                raw_object,
                raw_line,
                row_in_line,
                sealed_at,
                batch_id
        ) as sighting_rank,

    from screened

),

final as (

    select
        liquidation_id,
        sighting_rank::integer as sighting_rank,
        venue,
        source_kind,
        parser,
        received_at,
        raw_object,
        raw_line,
        row_in_line,
        batch_id,
        hour_at,

    from ranked

)

from final
