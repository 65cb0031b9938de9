with

staged as (

    from {{ ref('int_liquidations_unioned') }}

    where hour_at in {{ build_hours() }}

),

sightings as (

    from {{ ref('liquidation_sightings') }}

    where hour_at in {{ build_hours() }}

),

quarantined as (

    from {{ ref('quarantined_liquidations') }}

    where hour_at in {{ build_hours() }}

),

reconciling_counts as (

    select
        batch_id,
        venue,
        hour_at,
        count(*) as reconciling,

    from {{ ref('int_liquidations_screened') }}

    where is_reconciling

    group by all

),

staged_counts as (

    select
        batch_id,
        venue,
        hour_at,
        count(*) filter (where line_class = 'row') as staged,
        count(*) filter (where line_class = 'header') as headers,
        count(*) filter (where line_class = 'log_line') as log_lines,
        count(*) filter (where line_class = 'other') as other_messages,
        max(sealed_at) as available_at,

    from staged

    group by all

),

sighting_counts as (

    select
        batch_id,
        venue,
        hour_at,
        count(*) filter (where sighting_rank = 1) as accepted,
        count(*) filter (where sighting_rank > 1) as repeated,

    from sightings

    group by all

),

quarantine_counts as (

    select
        batch_id,
        venue,
        hour_at,
        count(*) as quarantined,

    from quarantined

    group by all

),

final as (

    select
        batch_id,
        venue,
        hour_at,
        staged,
        coalesce(accepted, 0) as accepted,
        coalesce(repeated, 0) + coalesce(reconciling, 0) as repeated,
        coalesce(reconciling, 0) as reconciling,
        coalesce(quarantined, 0) as quarantined,
        headers,
        log_lines,
        other_messages,
        available_at,

    from staged_counts
    left join sighting_counts using (batch_id, venue, hour_at)
    left join quarantine_counts using (batch_id, venue, hour_at)
    left join reconciling_counts using (batch_id, venue, hour_at)

)

from final
