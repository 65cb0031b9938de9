-- Each drop forces what liquidation_map has down to it, and no more.
-- why: A scenario of other levels than the map's is one that nobody can check.
-- failure: {unexpected_count} drops of liquidation_wave force other sums than liquidation_map has,
--   the first {example}
with

steps as (

    select
        hour_at,
        base_asset,
        ceil(-distance_percent)::integer as drop_percent,
        sum(mass_usd) as mass_usd,
        sum(mass_low_usd) as mass_low_usd,
        sum(mass_mid_usd) as mass_mid_usd,
        sum(mass_high_usd) as mass_high_usd
    from gate.liquidation_map
    where
        liquidated_side = 'long'
        and hour_at in (select hour_at from gate.hours_of_liquidation_wave)
    group by all

),

mapped as (

    select
        waves.*,
        coalesce(steps.mass_usd, 0) as step_usd,
        coalesce(sum(steps.mass_usd) over to_the_drop, 0) as mass_usd,
        coalesce(sum(steps.mass_low_usd) over to_the_drop, 0) as mass_low_usd,
        coalesce(sum(steps.mass_mid_usd) over to_the_drop, 0) as mass_mid_usd,
        coalesce(sum(steps.mass_high_usd) over to_the_drop, 0) as mass_high_usd
    from {batch} as waves
    left join steps using (hour_at, base_asset, drop_percent)
    window to_the_drop as (
        partition by hour_at, base_asset order by drop_percent
    )

)

select
    hour_at,
    base_asset,
    drop_percent,
    mass_usd
from mapped
where
    abs(step_forced_usd - step_usd) > 0.01 + step_usd / 1e9
    or abs(forced_usd - mass_usd) > 0.01 + mass_usd / 1e9
    or abs(forced_usd_low - mass_low_usd) > 0.01 + mass_low_usd / 1e9
    or abs(forced_usd_mid - mass_mid_usd) > 0.01 + mass_mid_usd / 1e9
    or abs(forced_usd_high - mass_high_usd) > 0.01 + mass_high_usd / 1e9
    or (forced_usd is null and mass_usd > 0)
