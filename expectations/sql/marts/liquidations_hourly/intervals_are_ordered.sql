-- Of each interval low <= mid <= high, and low is at least what was published.
-- why: An interval that leaves out the published figure is one of something else.
-- failure: {unexpected_count} rows of liquidations_hourly have an interval out of order, the first
--   {example}
select
    hour_at,
    venue,
    base_asset,
    total_usd,
    total_usd_low,
    total_usd_mid,
    total_usd_high
from {batch}
where
    not (long_usd <= long_usd_low and long_usd_low <= long_usd_mid)
    or not (short_usd <= short_usd_low and short_usd_low <= short_usd_mid)
    or not (total_usd <= total_usd_low and total_usd_low <= total_usd_mid)
    or long_usd_mid > long_usd_high
    or short_usd_mid > short_usd_high
    or total_usd_mid > total_usd_high
    or estimated_total_usd_low > estimated_total_usd_high
    or (total_usd_high is null) != has_unestimated_part
