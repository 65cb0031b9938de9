-- Sums of an hour that was not heard whole are lower bounds.
-- why: A figure of a part that does not say so is taken for the whole.
-- failure: {unexpected_count} rows of liquidations_hourly are of a part of their hour and do not
--   say so, the first {example}
select
    hour_at,
    venue,
    base_asset
from {batch}
where not is_complete and not is_lower_bound
