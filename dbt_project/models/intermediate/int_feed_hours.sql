-- One row per hour and venue for which its liquidation feed is known to have been up: a landed
-- batch covers the hour, or there are events. Absent: not known.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at', 'lookback_hours': 0},
) }}

with

outcomes as (

    select * from {{ source('ops', 'batch_outcomes') }}

    where dataset = 'liquidations'
        and status in ('ok', 'partial', 'empty')

),

batches as (

    select * from {{ source('ops', 'batches') }}

    where covers_from_at is not null

),

hours as (

    select hour_at from {{ source('ops', 'pending_hours') }}

),

holds as (

    select * from {{ source('ops', 'holds') }}

    where released_at is null

),

landed as (

    select
        hours.hour_at,
        outcomes.venue,

    from outcomes
    inner join batches
        on outcomes.batch_id = batches.batch_id
        and outcomes.revision = batches.revision
    inner join hours
        on hours.hour_at >= batches.covers_from_at
        and hours.hour_at < batches.covers_to_at
    left join holds
        on outcomes.batch_id = holds.batch_id
        and outcomes.venue = holds.venue

    where holds.batch_id is null

),

with_events as (

    select
        hour_at,
        venue,

    from {{ ref('fct_liquidations') }}

    where hour_at in {{ build_hours() }}

),

final as (

    select
        hour_at,
        venue,
        true as feed_up,

    from landed

    union

    select
        hour_at,
        venue,
        true as feed_up,

    from with_events

)

select * from final
