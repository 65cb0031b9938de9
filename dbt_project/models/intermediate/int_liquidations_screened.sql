-- One row per staged liquidation row of the hours being rebuilt, valued, and either good or rejected
-- with a reason: its own, or that of its event among the others (int_liquidation_grains). A view: a
-- copy of all rows would take longer than its few readers take to compare them with the faulty events.

with

valued as (

    from {{ ref('int_liquidations_valued') }}

),

first_sources as (

    from {{ ref('int_liquidation_first_sources') }}

),

faulty as (

    select
        liquidation_id,
        reject_reason,

    from {{ ref('int_liquidation_grains') }}

    where reject_reason is not null

),

screened as (

    select
        valued.* exclude (reject_reason, source_rank, is_received_before),
        {{ is_reconciling() | indent(8) }} as is_reconciling,
        case
            when {{ is_reconciling() | indent(12) }} then null
            else coalesce(valued.reject_reason, faulty.reject_reason)
        end as reject_reason,

    from valued
    left join first_sources
        on valued.venue = first_sources.venue
        and valued.hour_at = first_sources.hour_at
    left join faulty
        on valued.liquidation_id = faulty.liquidation_id

),

final as (

    select
        case when reject_reason is null then liquidation_id end as liquidation_id,
        * exclude (liquidation_id),

    from screened

)

from final
