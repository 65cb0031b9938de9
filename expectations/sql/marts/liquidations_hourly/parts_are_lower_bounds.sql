-- Sums of an hour that was not covered in full are lower bounds.
-- why: An unmarked partial figure is mistaken for a complete one.
-- failure: {unexpected_count} rows of liquidations_hourly cover only part of their hour and are not
--   marked, the first {example}
select
    hour_at,
    venue,
    base_asset
from {batch}
where not is_complete and not is_lower_bound
