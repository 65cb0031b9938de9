-- Of each band low <= mid <= high, within the estimates of the single leverages.
-- why: A band outside of what any mix of leverage gives is one of something else.
-- failure: {unexpected_count} buckets of liquidation_map have a band out of order, the first
--   {example}
select
    hour_at,
    base_asset,
    liquidated_side,
    price_bucket,
    mass_low_usd,
    mass_mid_usd,
    mass_high_usd
from {batch}
where
    mass_low_usd > mass_mid_usd
    or mass_mid_usd > mass_high_usd
    or mass_high_usd > greatest(
        mass_5x_usd, mass_10x_usd, mass_25x_usd, mass_50x_usd, mass_100x_usd
    ) + 0.01
