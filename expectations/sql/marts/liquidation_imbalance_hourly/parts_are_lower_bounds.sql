-- Sums of a window that was not heard whole are lower bounds.
-- why: A figure of a part that does not say so is taken for the whole.
-- failure: {unexpected_count} rows of liquidation_imbalance_hourly are of a part of their window
--   and do not say so, the first {example}
select
    hour_at,
    base_asset
from {batch}
where (is_incomplete_1h and not is_lower_bound_1h) or (is_incomplete_24h and not is_lower_bound_24h)
