-- Sums of a window that was not covered in full are lower bounds.
-- why: An unmarked partial figure is mistaken for a complete one.
-- failure: {unexpected_count} rows of liquidation_intensity_hourly cover only part of their window
--   and are not marked, the first {example}
select
    hour_at,
    base_asset
from {batch}
where (is_incomplete_1h and not is_lower_bound_1h) or (is_incomplete_24h and not is_lower_bound_24h)
