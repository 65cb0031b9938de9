with

market_caps as (

    from {{ ref('int_asset_market_caps_hourly') }}

),

prices as (

    from {{ ref('int_asset_prices_hourly') }}

    where close_usd is not null

),

with_returns as (

    select
        market_caps.hour_at,
        market_caps.base_asset,
        market_caps.market_cap_usd,
        market_caps.observed_at as market_cap_observed_at,
        market_caps.sector,
        prices.close_usd / prices.day_before_close_usd - 1 as own_return_24h,
        -- The source's own change is as of its observation: only one of this hour stands for it.
        case
            when market_caps.observed_at >= market_caps.hour_at then market_caps.change_24h_share
        end as published_return_24h,

    from market_caps
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
        case when rank <= 10 then 'large' when rank <= 100 then 'mid' else 'small' end as tier,
        sector,
        -- CoinGecko's market list names no sector, so the large ones are also known by name.
        coalesce(lower(sector) like '%stablecoin%', false) or base_asset in (
            'USDT', 'USDC', 'USDE', 'DAI', 'USDS', 'USD1', 'FDUSD', 'PYUSD', 'TUSD', 'USDD', 'RLUSD'
        ) as is_stablecoin,

    from ranked

)

from final
