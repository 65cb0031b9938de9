-- The absolute change over an hour of the same instruments is at most oi_change_1h_max.
-- why: A contract size or a unit that changes with a message moves open interest by factors.
-- severity: warning
-- failure: {unexpected_count} rows of leverage_hourly have open interest of the same instruments
--   that changed beyond plausibility in an hour, the first {example}
-- action: look at the asset's contract sizes and at what its venues publish
select
    hour_at,
    base_asset,
    oi_change_1h_share
from {batch}
cross join gate.limits as limits
where abs(oi_change_1h_share) > limits.oi_change_1h_max
