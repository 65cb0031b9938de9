{{ config(post_hook="{{ prune_as_of_hours() }}") }}

with

assets as (

    from {{ ref('int_market_returns_hourly') }}

    where hour_at in {{ as_of_build_hours() }}

),

final as (

    select
        hour_at,
        hour_at + interval 1 hour as as_of_at,
        base_asset,
        market_cap_usd,
        market_cap_observed_at,
        return_24h,
        return_source,
        rank,
        tier_rank,
        tier,
        sector,
        is_stablecoin,
        available_at,

    from assets

)

select *,

from final

order by hour_at
