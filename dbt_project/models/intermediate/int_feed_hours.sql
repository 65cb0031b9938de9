-- One row per hour and venue for which its liquidation feed is known to have been up: a landing
-- covers the hour, or there are events. Absent: not known.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at', 'lookback_hours': 0},
) }}

with

covered as (

    from {{ source('ops', 'venue_hours') }}

    where outcome != 'failed'

),

hours as (

    select hour_at,

    from {{ source('ops', 'pending_hours') }}

),

holds as (

    from {{ source('ops', 'holds') }}

    where released_at is null

),

landed as (

    select
        covered.hour_at,
        covered.venue,

    from covered
    inner join hours
        on covered.hour_at = hours.hour_at
    left join holds
        on covered.batch_id = holds.batch_id
        and covered.venue = holds.venue

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

from final
