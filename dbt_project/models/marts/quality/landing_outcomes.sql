with

outcomes as (

    from {{ source('ops', 'batch_outcomes') }}

    where batch_id in {{ build_batches() }}

),

batches as (

    from {{ source('ops', 'batches') }}

),

holds as (

    from {{ source('ops', 'holds') }}

),

final as (

    select
        outcomes.batch_id,
        outcomes.revision,
        batches.kind as batch_kind,
        outcomes.venue,
        outcomes.dataset,
        outcomes.status,
        outcomes.detail,
        outcomes.requests,
        outcomes.objects,
        outcomes.lines,
        outcomes.landed_at,
        batches.sealed_at,
        batches.sealed_at as available_at,
        batches.covers_from_at,
        batches.covers_to_at,
        holds.batch_id is not null and holds.released_at is null as is_held,
        holds.reason as hold_reason,

    from outcomes
    inner join batches
        on outcomes.batch_id = batches.batch_id
    left join holds
        on outcomes.batch_id = holds.batch_id
        and outcomes.venue = holds.venue

)

from final
