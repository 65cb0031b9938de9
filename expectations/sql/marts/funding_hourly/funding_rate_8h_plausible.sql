-- The absolute 8-hour rate is at most mean_funding_rate_8h_max.
-- why: A wrong interval multiplies the rate by 8.
-- severity: warning
-- failure: {unexpected_count} rows of funding_hourly have an 8-hour rate above venues' caps, the
--   first {example}
-- action: check the venue's funding interval
select
    hour_at,
    base_asset,
    oi_weighted_funding_8h
from {batch}
cross join gate.limits as limits
where abs(oi_weighted_funding_8h) > limits.mean_funding_rate_8h_max
