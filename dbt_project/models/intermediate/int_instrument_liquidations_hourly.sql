-- One row per hour, venue, instrument and base_asset with a counted liquidation.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}

with

liquidations as (

    from {{ ref('fct_liquidations') }}

    where {{ counted_liquidations() }}
        and hour_at in {{ build_hours() }}

),

final as (

    select
        hour_at,
        venue,
        instrument,
        base_asset,
        coalesce(sum(notional_usd) filter (where liquidated_side = 'long'), 0) as long_usd,
        coalesce(sum(notional_usd) filter (where liquidated_side = 'short'), 0) as short_usd,
        max(available_at) as available_at,

    from liquidations

    group by all

)

from final
