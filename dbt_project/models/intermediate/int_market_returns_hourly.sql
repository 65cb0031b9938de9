with

market_caps as (

    from {{ ref('int_asset_market_caps_hourly') }}

),

prices as (

    from {{ ref('int_asset_prices_hourly') }}

    where close_usd is not null

),

-- CoinGecko's market list has no sectors, so stablecoins are also recognised by name.
stablecoins as (

    select base_asset,

    from {{ ref('assets') }}

    where sector = 'stablecoin'

),

with_returns as (

    select
        market_caps.hour_at,
        market_caps.base_asset,
        market_caps.market_cap_usd,
        market_caps.observed_at as market_cap_observed_at,
        market_caps.sector,
        stablecoins.base_asset is not null
        or coalesce(lower(market_caps.sector) like '%stablecoin%', false) as is_stablecoin,
        prices.close_usd / prices.day_before_close_usd - 1 as own_return_24h,
        -- The source's own change is as of its observation: only one observed in this hour counts.
        case
            when market_caps.observed_at >= market_caps.hour_at then market_caps.change_24h_share
        end as published_return_24h,
        market_caps.available_at,
        prices.available_at as price_available_at,

    from market_caps
    left join stablecoins
        on market_caps.base_asset = stablecoins.base_asset
    left join prices
        on market_caps.hour_at = prices.hour_at
        and market_caps.base_asset = prices.base_asset

),

ranked as (

    select
        *,
        row_number() over (
            partition by hour_at order by market_cap_usd desc, base_asset asc
        ) as rank,
        -- Tiers rank assets that can rise and fall: stablecoins have no place in them.
        case
            when not is_stablecoin
                then row_number() over (
                    partition by hour_at, is_stablecoin
                    order by market_cap_usd desc, base_asset asc
                )
        end as tier_rank,
        -- Ranks depend on the capitalisations of all assets.
        greatest(max(available_at) over (partition by hour_at), price_available_at)
            as ranks_available_at,

    from with_returns

),

final as (

    select
        hour_at,
        base_asset,
        market_cap_usd,
        market_cap_observed_at,
        round(coalesce(own_return_24h, published_return_24h), 6) as return_24h,
        case
            when own_return_24h is not null then 'prices'
            when published_return_24h is not null then 'market_caps'
        end as return_source,
        rank::integer as rank,
        tier_rank::integer as tier_rank,
        case
            when tier_rank <= 10 then 'large'
            when tier_rank <= 100 then 'mid'
            when tier_rank > 100 then 'small'
        end as tier,
        sector,
        is_stablecoin,
        ranks_available_at as available_at,

    from ranked

)

from final
