{{ config(meta={'partition': 'hour_at', 'lookback_hours': 720}) }}

with

tracked_assets as (

    from {{ ref('int_tracked_assets_hourly') }}

    where hour_at in {{ build_hours() }}

),

open_interest as (

    from {{ ref('int_asset_open_interest_hourly') }}

    where hour_at >= {{ first_hour_read(0) }}

),

-- A weight may be as old as the hour: a venue polled once an hour is not left out for it.
instrument_open_interest as (

    from {{ ref('int_instrument_open_interest_hourly') }}

    where oi_last_usd > 0
        and hour_at >= {{ first_hour_read(0) }}

),

market_caps as (

    from {{ ref('int_asset_market_caps_hourly') }}

    where hour_at >= {{ first_hour_read(0) }}

),

volumes as (

    from {{ ref('int_asset_volumes_hourly') }}

    where hour_at >= {{ first_hour_read(0) }}

),

account_ratios as (

    from {{ ref('fct_long_short_ratio') }}

    where ratio_kind = 'accounts'
        and long_short_ratio >= 0
        and hour_at >= {{ first_hour_read(0) }}

),

latest_account_ratios as (

    select
        hour_at,
        venue,
        instrument,
        arg_max(long_short_ratio, observed_at) as long_short_ratio,

    from account_ratios

    group by all

),

-- Ratios do not average; the shares of long accounts do. A ratio r is a share of r / (1 + r).
long_account_shares as (

    select
        latest_account_ratios.hour_at,
        instrument_open_interest.base_asset,
        count(distinct latest_account_ratios.venue) as venues,
        sum(
            round(
                instrument_open_interest.oi_last_usd
                * latest_account_ratios.long_short_ratio
                / (1 + latest_account_ratios.long_short_ratio),
                4
            )::decimal(38, 4)
        )::double
        / sum(round(instrument_open_interest.oi_last_usd, 4)::decimal(38, 4))::double
            as long_account_share,

    from latest_account_ratios
    inner join instrument_open_interest
        on latest_account_ratios.hour_at = instrument_open_interest.hour_at
        and latest_account_ratios.venue = instrument_open_interest.venue
        and latest_account_ratios.instrument = instrument_open_interest.instrument

    group by all

),

final as (

    select
        tracked_assets.hour_at,
        tracked_assets.hour_at + interval 1 hour as as_of_at,
        tracked_assets.base_asset,
        open_interest.oi_start_usd,
        open_interest.oi_end_usd as oi_usd,
        coalesce(open_interest.oi_end_venues, 0)::integer as oi_venues,
        market_caps.market_cap_usd,
        market_caps.observed_at as market_cap_observed_at,
        round(open_interest.oi_end_usd / market_caps.market_cap_usd, 8) as oi_to_market_cap,
        volumes.volume_24h_usd,
        round(volumes.volume_24h_usd / nullif(open_interest.oi_end_usd, 0), 6)
            as volume_24h_to_oi,
        market_caps.volume_24h_usd as market_volume_24h_usd,
        round(market_caps.volume_24h_usd / nullif(open_interest.oi_end_usd, 0), 6)
            as market_volume_24h_to_oi,
        round(
            long_account_shares.long_account_share
            / nullif(1 - long_account_shares.long_account_share, 0),
            6
        ) as long_short_account_ratio,
        coalesce(long_account_shares.venues, 0)::integer as long_short_account_venues,

    from tracked_assets
    left join open_interest
        on tracked_assets.hour_at = open_interest.hour_at
        and tracked_assets.base_asset = open_interest.base_asset
    left join market_caps
        on tracked_assets.hour_at = market_caps.hour_at
        and tracked_assets.base_asset = market_caps.base_asset
    left join volumes
        on tracked_assets.hour_at = volumes.hour_at
        and tracked_assets.base_asset = volumes.base_asset
    left join long_account_shares
        on tracked_assets.hour_at = long_account_shares.hour_at
        and tracked_assets.base_asset = long_account_shares.base_asset

)

select *,

from final

order by hour_at
