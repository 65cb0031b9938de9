-- One row per hour of the spine and asset: its market capitalisation as known at the hour's end,
-- no older than 24 hours.
--
-- Within an hour the alphabetically first source counts (coingecko before coinpaprika), then the
-- latest observation: both land seconds apart, and taking the later would mix them at random.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}

with

hours as (

    select hour_at,

    from {{ source('ops', 'hours') }}

    where hour_at in {{ build_hours() }}

),

market_caps as (

    from {{ ref('fct_market_caps') }}

    where market_cap_usd > 0
        and base_asset is not null
        and hour_at >= {{ first_hour_read(23) }}

),

by_hour as (

    from market_caps

    qualify
        row_number() over (
            partition by hour_at, base_asset
            order by source asc, observed_at desc, raw_object asc, raw_line asc
        ) = 1

),

assets as (

    select distinct base_asset,

    from by_hour

),

final as (

    select
        hours.hour_at,
        assets.base_asset,
        by_hour.asset_name,
        by_hour.market_cap_usd,
        by_hour.price_usd,
        by_hour.volume_24h_usd,
        by_hour.change_24h_share,
        by_hour.sector,
        by_hour.source,
        by_hour.observed_at,
        by_hour.available_at,

    from hours
    cross join assets
    asof inner join by_hour
        on assets.base_asset = by_hour.base_asset
        and hours.hour_at >= by_hour.hour_at

    where by_hour.hour_at > hours.hour_at - interval 24 hour

)

from final
