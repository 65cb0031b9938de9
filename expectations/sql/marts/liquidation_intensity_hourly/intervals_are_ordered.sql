-- Of each interval low <= mid <= high, and low is at least what was published.
-- why: An interval that leaves out the published figure is one of something else.
-- failure: {unexpected_count} rows of liquidation_intensity_hourly have an interval out of order, the first
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
    or not (matched_long_1h_usd <= matched_long_1h_usd_low and matched_long_1h_usd_low <= matched_long_1h_usd_mid)
    or long_1h_usd_mid > long_1h_usd_high
    or matched_long_1h_usd_mid > matched_long_1h_usd_high
    or long_intensity_1h_bp > long_intensity_1h_bp_low
    or long_intensity_1h_bp_low > long_intensity_1h_bp_mid
    or long_intensity_1h_bp_mid > long_intensity_1h_bp_high
    or not (long_24h_usd <= long_24h_usd_low and long_24h_usd_low <= long_24h_usd_mid)
    or not (matched_long_24h_usd <= matched_long_24h_usd_low and matched_long_24h_usd_low <= matched_long_24h_usd_mid)
    or long_24h_usd_mid > long_24h_usd_high
    or matched_long_24h_usd_mid > matched_long_24h_usd_high
    or long_intensity_24h_bp > long_intensity_24h_bp_low
    or long_intensity_24h_bp_low > long_intensity_24h_bp_mid
    or long_intensity_24h_bp_mid > long_intensity_24h_bp_high
