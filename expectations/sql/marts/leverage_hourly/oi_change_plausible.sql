-- The absolute hourly change over the same instruments is at most oi_change_1h_max.
-- why: A contract size or unit that changes from one message to the next moves open interest by a
--   factor.
-- severity: warning
-- failure: {unexpected_count} rows of leverage_hourly have an implausible hourly change of open
--   interest over the same instruments, the first {example}
-- action: check the asset's contract sizes and its venues' published figures
select
    hour_at,
    base_asset,
    oi_change_1h_share
from {batch}
cross join gate.limits as limits
where abs(oi_change_1h_share) > limits.oi_change_1h_max
