-- One row per hour, tracked base_asset or ALL, and component of the seed stress_weights: the values
-- that the stress score ranks. A new component is a row of the seed and a branch of `known_values`;
-- one without a branch has no value and is listed as missing.
-- ALL combines the tracked assets: sums over sums, and for volatility the mean weighted by open
-- interest, each over the assets for which both sides of the ratio are known in the hour.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}

with

imbalances as (

    from {{ ref('liquidation_imbalance_hourly') }}

    where hour_at in {{ build_hours() }}

),

leverage as (

    from {{ ref('leverage_hourly') }}

    where hour_at in {{ build_hours() }}

),

funding as (

    from {{ ref('funding_hourly') }}

    where hour_at in {{ build_hours() }}

),

intensities as (

    from {{ ref('liquidation_intensity_hourly') }}

    where hour_at in {{ build_hours() }}

),

prices as (

    from {{ ref('int_price_windows_hourly') }}

    where hour_at in {{ build_hours() }}

),

masses as (

    from {{ ref('int_mass_below_spot_hourly') }}

    where hour_at in {{ build_hours() }}

),

by_asset as (

    select
        imbalances.hour_at,
        imbalances.base_asset,
        imbalances.imbalance_24h,
        leverage.oi_constant_venues_usd,
        leverage.oi_to_market_cap,
        funding.oi_weighted_funding_8h,
        funding.weighted_oi_usd,
        intensities.long_intensity_24h_bp as intensity_24h_bp,
        intensities.matched_long_24h_usd,
        intensities.matched_oi_start_24h_usd,
        prices.realised_volatility_24h,
        masses.mass_below_spot,
        masses.mass_below_spot_usd,
        masses.volume_24h_usd,
        greatest(
            imbalances.available_at,
            leverage.available_at,
            funding.available_at,
            intensities.available_at,
            prices.available_at,
            masses.available_at
        ) as available_at,

    from imbalances
    left join leverage
        on imbalances.hour_at = leverage.hour_at
        and imbalances.base_asset = leverage.base_asset
    left join funding
        on imbalances.hour_at = funding.hour_at
        and imbalances.base_asset = funding.base_asset
    left join intensities
        on imbalances.hour_at = intensities.hour_at
        and imbalances.base_asset = intensities.base_asset
    left join prices
        on imbalances.hour_at = prices.hour_at
        and imbalances.base_asset = prices.base_asset
    left join masses
        on imbalances.hour_at = masses.hour_at
        and imbalances.base_asset = masses.base_asset

),

-- Summed in decimals, so that the order of the assets makes no difference.
totals as (

    select
        hour_at,
        sum(try_cast(oi_weighted_funding_8h * weighted_oi_usd as decimal(38, 8)))::double
            as oi_funding_8h_usd,
        sum(try_cast(weighted_oi_usd as decimal(38, 4)))
            filter (where oi_weighted_funding_8h is not null)::double as weighted_oi_usd,
        sum(matched_long_24h_usd) filter (where matched_oi_start_24h_usd > 0)::double
            as matched_long_24h_usd,
        sum(try_cast(matched_oi_start_24h_usd as decimal(38, 4)))
            filter (where matched_long_24h_usd is not null)::double as matched_oi_start_24h_usd,
        sum(try_cast(realised_volatility_24h * oi_constant_venues_usd as decimal(38, 8)))::double
            as volatile_oi_usd,
        sum(try_cast(oi_constant_venues_usd as decimal(38, 4)))
            filter (where realised_volatility_24h is not null)::double
            as oi_of_known_volatility_usd,
        sum(try_cast(mass_below_spot_usd as decimal(38, 4)))
            filter (where mass_below_spot is not null)::double as mass_below_spot_usd,
        sum(try_cast(volume_24h_usd as decimal(38, 4)))
            filter (where mass_below_spot is not null)::double as volume_of_known_mass_usd,
        max(available_at) as available_at,

    from by_asset

    where base_asset != 'ALL'

    group by hour_at

),

by_asset_and_all as (

    select
        by_asset.hour_at,
        by_asset.base_asset,
        by_asset.oi_to_market_cap,
        by_asset.imbalance_24h,
        case
            when by_asset.base_asset != 'ALL' then by_asset.oi_weighted_funding_8h
            else round(totals.oi_funding_8h_usd / nullif(totals.weighted_oi_usd, 0), 10)
        end as oi_weighted_funding_8h,
        case
            when by_asset.base_asset != 'ALL' then by_asset.intensity_24h_bp
            else round(
                1e4 * totals.matched_long_24h_usd / nullif(totals.matched_oi_start_24h_usd, 0), 6
            )
        end as intensity_24h_bp,
        case
            when by_asset.base_asset != 'ALL' then by_asset.realised_volatility_24h
            else round(totals.volatile_oi_usd / nullif(totals.oi_of_known_volatility_usd, 0), 8)
        end as realised_volatility_24h,
        case
            when by_asset.base_asset != 'ALL' then by_asset.mass_below_spot
            else round(
                totals.mass_below_spot_usd / nullif(totals.volume_of_known_mass_usd, 0), 10
            )
        end as mass_below_spot,
        case
            when by_asset.base_asset != 'ALL' then by_asset.available_at
            else greatest(by_asset.available_at, totals.available_at)
        end as available_at,

    from by_asset
    left join totals
        on by_asset.hour_at = totals.hour_at

),

known_values as (

    select
        hour_at,
        base_asset,
        'oi_to_market_cap' as component,
        oi_to_market_cap as value,

    from by_asset_and_all

    union all

    select
        hour_at,
        base_asset,
        'oi_weighted_funding_8h' as component,
        oi_weighted_funding_8h as value,

    from by_asset_and_all

    union all

    select
        hour_at,
        base_asset,
        'long_imbalance_24h' as component,
        imbalance_24h as value,

    from by_asset_and_all

    union all

    select
        hour_at,
        base_asset,
        'intensity_24h_bp' as component,
        intensity_24h_bp as value,

    from by_asset_and_all

    union all

    select
        hour_at,
        base_asset,
        'realised_volatility_24h' as component,
        realised_volatility_24h as value,

    from by_asset_and_all

    union all

    select
        hour_at,
        base_asset,
        'mass_below_spot' as component,
        mass_below_spot as value,

    from by_asset_and_all

),

components as (

    select component,

    from {{ ref('stress_weights') }}

),

final as (

    select
        by_asset_and_all.hour_at,
        by_asset_and_all.base_asset,
        components.component,
        known_values.value,
        by_asset_and_all.available_at,

    from by_asset_and_all
    cross join components
    left join known_values
        on by_asset_and_all.hour_at = known_values.hour_at
        and by_asset_and_all.base_asset = known_values.base_asset
        and components.component = known_values.component

)

select *,

from final

order by hour_at
