-- One row per hour and asset: the asset's price in dollars, from one series of that hour alone.
--
-- The series is chosen in this order: spot, then index, then mark; bars before points; series that
-- still gave a price in the hour's last five minutes; venues in the order of their list; USDT, USD,
-- USDC, then other quotes by name; the fuller cover; the shorter bars;
-- the instrument's name. No two series tie, so the choice does not depend on the order of rows.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at', 'lookback_hours': 0},
) }}

with

series as (

    from {{ ref('int_price_series_hourly') }}

    where hour_at in {{ build_hours() }}

),

spot_volumes as (

    select
        hour_at,
        base_asset,
        sum(round(volume_usd, 4)::decimal(38, 4))::double as volume_usd,

    from series

    where price_kind = 'spot'
        and is_best_bars

    group by all

),

chosen as (

    from series

    where price_kind in ('spot', 'index', 'mark')

    qualify
        row_number() over (
            partition by hour_at, base_asset
            order by
                list_position(['spot', 'index', 'mark'], price_kind),
                bar_seconds = 0,
                is_fresh desc,
                coalesce(list_position({{ var('venues') }}, venue), 99),
                venue,
                coalesce(list_position(['USDT', 'USD', 'USDC'], quote_asset), 99),
                quote_asset,
                covered_seconds desc,
                bar_seconds,
                instrument
        ) = 1

),

final as (

    select
        chosen.hour_at,
        chosen.base_asset,
        chosen.open_usd,
        chosen.high_usd,
        chosen.low_usd,
        case when chosen.is_fresh then chosen.close_usd end as close_usd,
        spot_volumes.volume_usd,
        chosen.price_kind || ':' || chosen.venue || ':' || chosen.instrument as price_source,
        chosen.close_at,

    from chosen
    left join spot_volumes
        on chosen.hour_at = spot_volumes.hour_at
        and chosen.base_asset = spot_volumes.base_asset

)

from final
