select hour_at, base_asset, close_usd, low_24h_usd, vwap_7d_usd
from divergence_hourly
where {last_48_hours} and base_asset in ({assets})
order by hour_at
