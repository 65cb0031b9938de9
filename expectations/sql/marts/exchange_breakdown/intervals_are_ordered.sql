-- Of each interval low <= mid <= high, and low is at least what was published.
-- why: An interval that leaves out the published figure is one of something else.
-- failure: {unexpected_count} rows of exchange_breakdown have an interval out of order, the first
--   {example}
select
    hour_at,
    window_hours,
    base_asset,
    venue,
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
    or total_usd is not null and (total_usd_high is null) != has_unestimated_part
    or share_low > share_mid
    or share_mid > share_high
    or estimated_share_low > estimated_share_high
    or share_low < 0
    or share_high > 1
    or estimated_share_low < 0
    or estimated_share_high > 1
