-- One row per forced long selling of the closed episodes of the hours being built that have at least
-- 50: what a Hawkes process is fitted to. Fills of one order are one event, its first. The window ends
-- with the last minute over the close threshold: the pause that closes every episode would make any
-- burst look self-exciting.
with

episodes as (

    from {{ ref('int_liquidation_episodes') }}

    where not is_open
        and long_events >= 50
        and hour_at in {{ build_hours() }}

),

liquidations as (

    from {{ ref('fct_liquidations') }}

    where {{ counted_liquidations() }}
        and liquidated_side = 'long'
        and hour_at >= {{ first_hour_read(var('episode_max_hours') + 1) }}

),

final as (

    select
        episodes.hour_at,
        episodes.base_asset,
        episodes.started_at,
        liquidations.venue,
        date_diff('microsecond', episodes.started_at, min(liquidations.event_at))
            as event_microseconds,
        date_diff('second', episodes.started_at, any_value(episodes.ended_at)) as window_seconds,

    from episodes
    inner join liquidations
        on episodes.base_asset = liquidations.base_asset
        and episodes.started_at <= liquidations.event_at
        and episodes.ended_at > liquidations.event_at

    group by
        episodes.hour_at,
        episodes.base_asset,
        episodes.started_at,
        liquidations.venue,
        coalesce(
            liquidations.liquidation_order_id::varchar, liquidations.liquidation_id::varchar
        )

)

from final
