-- oi_to_market_cap is at most oi_to_market_cap_max.
-- why: Above it, a contract size or a market cap belongs to another asset.
-- severity: warning
-- failure: {unexpected_count} rows of leverage_hourly have open interest above any plausible
--   multiple of the market cap, the first {example}
-- action: check the asset's contract sizes and its market cap's source
select
    hour_at,
    base_asset,
    oi_usd,
    oi_to_market_cap
from {batch}
cross join gate.limits as limits
where oi_to_market_cap > limits.oi_to_market_cap_max or oi_to_market_cap < 0
