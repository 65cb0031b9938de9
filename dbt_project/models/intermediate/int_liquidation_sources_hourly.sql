-- Kept by hour, because rows that only reconcile (gate, htx) are in no mart.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}

with

screened as not materialized (

    from {{ ref('int_liquidations_screened') }}

    where reject_reason is null

),

grains as (

    from {{ ref('int_liquidation_grains') }}

),

seen_again as (

    from {{ ref('int_liquidations_seen_again') }}

),

-- Each event once per kind of source, whether it counts or only reconciles.
reports as (

    select
        hour_at,
        venue,
        base_asset,
        source_kind,
        notional_usd,
        available_at,

    from screened
    anti join seen_again
        on screened.liquidation_id = seen_again.liquidation_id

    where {{ counted_liquidations() }}

    union all

    select
        hour_at,
        venue,
        base_asset,
        source_kind,
        max(notional_usd) as notional_usd,
        max(available_at) as available_at,

    from screened
    semi join seen_again
        on screened.liquidation_id = seen_again.liquidation_id

    where {{ counted_liquidations() }}

    group by hour_at, venue, base_asset, source_kind, screened.liquidation_id

),

-- What others may count and we do not: legs, copies, and the winners of an auto-deleveraging.
uncounted as (

    select
        hour_at,
        venue,
        base_asset,
        notional_usd,
        available_at,

    from grains

    where reject_reason in ('both_legs', 'doubled_row', 'mirrored_adl')

    union all

    select
        hour_at,
        venue,
        base_asset,
        max(notional_usd) as notional_usd,
        max(available_at) as available_at,

    from screened

    where event_kind = 'adl'

    group by hour_at, venue, base_asset, liquidation_id

),

final as (

    select
        hour_at,
        venue,
        base_asset,
        source_kind,
        count(*) as events,
        try_cast(sum(notional_usd) as decimal(38, 4)) as total_usd,
        max(available_at) as available_at,

    from reports

    group by all

    union all

    select
        hour_at,
        venue,
        base_asset,
        'uncounted' as source_kind,
        count(*) as events,
        try_cast(sum(notional_usd) as decimal(38, 4)) as total_usd,
        max(available_at) as available_at,

    from uncounted

    group by all

)

from final
