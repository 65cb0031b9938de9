-- One row per liquidation that more than one row of the hours being rebuilt reports. Most are seen once,
-- and need no comparing: sorting all of them would take longer than all else. Rebuilt in full.
{{ config(materialized='table') }}

with

valued as (

    from {{ ref('int_liquidations_valued') }}

    where reject_reason is null

),

final as (

    select liquidation_id,

    from valued

    group by all

    having count(*) > 1

)

from final
