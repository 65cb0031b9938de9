-- Of each interval low <= mid <= high, and low is at least what was published.
-- why: An interval that leaves out the published figure is one of something else.
-- failure: {unexpected_count} rows of liquidation_imbalance_hourly have an interval out of order, the first
--   {example}
select
    hour_at,
    base_asset,
    long_1h_usd,
    long_1h_usd_low,
    long_1h_usd_mid,
    long_1h_usd_high
from {batch}
where
    not (long_1h_usd <= long_1h_usd_low and long_1h_usd_low <= long_1h_usd_mid)
    or not (short_1h_usd <= short_1h_usd_low and short_1h_usd_low <= short_1h_usd_mid)
    or long_1h_usd_mid > long_1h_usd_high
    or short_1h_usd_mid > short_1h_usd_high
    or imbalance_1h_low > imbalance_1h_mid
    or imbalance_1h_mid > imbalance_1h_high
    or estimated_imbalance_1h_low > estimated_imbalance_1h_high
    or not (long_24h_usd <= long_24h_usd_low and long_24h_usd_low <= long_24h_usd_mid)
    or not (short_24h_usd <= short_24h_usd_low and short_24h_usd_low <= short_24h_usd_mid)
    or long_24h_usd_mid > long_24h_usd_high
    or short_24h_usd_mid > short_24h_usd_high
    or imbalance_24h_low > imbalance_24h_mid
    or imbalance_24h_mid > imbalance_24h_high
    or estimated_imbalance_24h_low > estimated_imbalance_24h_high
    or imbalance_1h_low < -1
    or imbalance_1h_high > 1
    or estimated_imbalance_1h_low < -1
    or estimated_imbalance_1h_high > 1
    or imbalance_24h_low < -1
    or imbalance_24h_high > 1
    or estimated_imbalance_24h_low < -1
    or estimated_imbalance_24h_high > 1
