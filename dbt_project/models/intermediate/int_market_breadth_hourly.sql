{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}

with

assets as (

    from {{ ref('int_market_returns_hourly') }}

    where hour_at in {{ build_hours() }}

),

priced as (

    select
        hour_at,
        base_asset,
        return_24h,
        tier,
        is_stablecoin,
        available_at,
        try_cast(round(market_cap_usd, 4) as decimal(38, 4)) as market_cap_usd,

    from assets

),

summed as (

    select
        hour_at,
        count(*) filter (where not is_stablecoin and return_24h is not null) as assets,
        count(*) filter (where not is_stablecoin and return_24h < 0) as red_assets,
        sum(market_cap_usd) filter (where not is_stablecoin and return_24h is not null) as cap_usd,
        coalesce(sum(market_cap_usd) filter (where not is_stablecoin and return_24h < 0), 0)
            as red_cap_usd,
        median(return_24h) filter (where tier = 'large') as large_return_24h,
        median(return_24h) filter (where tier = 'mid') as mid_return_24h,
        max(return_24h) filter (where base_asset = 'BTC') as btc_return_24h,
        sum(market_cap_usd) as all_cap_usd,
        max(market_cap_usd) filter (where base_asset = 'BTC') as btc_cap_usd,
        coalesce(sum(market_cap_usd) filter (where is_stablecoin), 0) as stablecoin_cap_usd,
        max(available_at) as available_at,

    from priced

    group by all

),

final as (

    select
        hour_at,
        assets,
        round(red_assets / nullif(assets, 0), 6) as red_by_count_share,
        round(red_cap_usd::double / nullif(cap_usd, 0)::double, 6) as red_by_cap_share,
        round(large_return_24h, 6) as large_median_return_24h,
        round(mid_return_24h, 6) as mid_median_return_24h,
        btc_return_24h,
        all_cap_usd::double as market_cap_usd,
        round(btc_cap_usd::double / nullif(all_cap_usd, 0)::double, 9) as btc_cap_share,
        round(stablecoin_cap_usd::double / nullif(all_cap_usd, 0)::double, 9)
            as stablecoin_cap_share,
        available_at,

    from summed

)

from final
