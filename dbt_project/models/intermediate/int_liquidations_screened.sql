-- One row per staged liquidation row of the hours being rebuilt, valued, and either good or rejected
-- with a reason: its own, or that of its event among the others (int_liquidation_grains).
{{ config(materialized='table') }}

with

valued as (

    from {{ ref('int_liquidations_valued') }}

),

faulty as (

    select
        venue,
        natural_key,
        occurrence_number,
        reject_reason,

    from {{ ref('int_liquidation_grains') }}

    where reject_reason is not null

),

screened as (

    select
        valued.* exclude (reject_reason),
        case
            when valued.is_reconciling then valued.reject_reason
            else coalesce(valued.reject_reason, faulty.reject_reason)
        end as reject_reason,

    from valued
    left join faulty
        on valued.venue = faulty.venue
        and valued.natural_key = faulty.natural_key
        and valued.occurrence_number = faulty.occurrence_number

),

final as (

    select
        case
            when reject_reason is null
                then try_cast(md5(concat_ws('|', venue, natural_key, occurrence_number)) as uuid)
        end as liquidation_id,
        * exclude (natural_key, occurrence_number),

    from screened

)

from final
