-- A wave ends where the drop and the impact of what was sold lead, and more impact leads farther.
-- why: Its inputs are beside it, so that anyone can work it out.
-- failure: {unexpected_count} waves of liquidation_wave do not follow from their inputs, the first
--   {example}
with

worked_out as (

    select
        *,
        100 * realised_volatility_24h / sqrt(nullif(volume_24h_usd, 0)) as impact_scale
    from {batch}

)

select
    hour_at,
    base_asset,
    drop_percent
from worked_out
where
    abs(
        least(drop_percent + impact_factor_low * impact_scale * sqrt(wave_usd_low), 100)
        - final_drop_percent_low
    ) > 0.00001
    or abs(
        least(drop_percent + impact_factor_mid * impact_scale * sqrt(wave_usd_mid), 100)
        - final_drop_percent_mid
    ) > 0.00001
    or abs(
        least(drop_percent + impact_factor_high * impact_scale * sqrt(wave_usd_high), 100)
        - final_drop_percent_high
    ) > 0.00001
    or wave_usd_low < forced_usd - 0.01
    or wave_usd_low > wave_usd_mid
    or wave_usd_mid > wave_usd_high
    or amplification_low > amplification_mid
    or amplification_mid > amplification_high
    or forced_usd_low > forced_usd_mid
    or forced_usd_mid > forced_usd_high
    or depth_usd_low > depth_usd_mid
    or depth_usd_mid > depth_usd_high
    or abs(local_reproduction_mid * depth_usd_mid - step_forced_usd)
    > 1 + step_forced_usd / 1000 + depth_usd_mid / 1e7
    or is_beyond_map != (final_drop_percent_high >= 30)
