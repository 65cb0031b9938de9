-- Longs are mapped below the price and shorts above it.
-- why: A level that the price has passed is no longer open.
-- failure: {unexpected_count} buckets of liquidation_map are on the wrong side of the price, the
--   first {example}
select
    hour_at,
    base_asset,
    liquidated_side,
    price_bucket,
    distance_percent
from {batch}
where
    (liquidated_side = 'long' and distance_percent >= 0)
    or (liquidated_side = 'short' and distance_percent <= 0)
