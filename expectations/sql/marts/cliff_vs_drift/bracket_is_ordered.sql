-- If nobody hedges nothing is sold, if all do no more than all levels, and more in a larger drop.
-- why: A bracket that its own ends contradict bounds nothing.
-- failure: {unexpected_count} brackets of cliff_vs_drift are out of order, the first {example}
select
    hour_at,
    base_asset,
    drop_percent,
    tenor_days
from {batch}
window by_drop as (
    partition by hour_at, base_asset, tenor_days order by drop_percent
)
qualify
    drift_usd_low != 0
    or drift_usd_low > drift_usd_high
    or drift_usd_high > levels_usd * 1.000001 + 0.01
    or drift_usd_high < lag(drift_usd_high) over by_drop - levels_usd / 1000000 - 0.01
    or (drift_usd_low is null) != (drift_usd_high is null)
