select
    base_asset, headline, brief, dominant_side, is_dominant_side_open, long_usd, long_usd_low,
    long_usd_mid, long_usd_high, short_usd, short_usd_low, short_usd_mid, short_usd_high,
    long_share, long_share_low, long_share_high, is_lower_bound, venues_expected, venues_reporting,
    missing_venue_list, partial_venue_list, score, score_percentile, regime, unwind_class,
    episodes_7d, oi_change_24h_share, close_usd, recovery_divergence, range_divergence, available_at
from market_brief_hourly
where hour_at = {hour} and base_asset in ({assets})
