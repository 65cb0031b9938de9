select
    hour_at, base_asset, long_1h_usd, long_1h_usd_low, long_1h_usd_mid, long_1h_usd_high,
    short_1h_usd, short_1h_usd_low, short_1h_usd_mid, short_1h_usd_high, is_lower_bound_1h
from liquidation_imbalance_hourly
where {last_48_hours} and base_asset in ({assets})
order by hour_at
