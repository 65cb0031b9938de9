-- One row per venue and hour being rebuilt: the rank of the first source that reports a liquidation of
-- it. Of sources that no key can join, that one counts. Rebuilt in full.
{{ config(materialized='table') }}

with

valued as (

    from {{ ref('int_liquidations_valued') }}

    where reject_reason is null

),

final as (

    select
        venue,
        hour_at,
        min(source_rank) as first_source_rank,

    from valued

    group by all

)

from final
