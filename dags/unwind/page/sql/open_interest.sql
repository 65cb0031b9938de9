select
    hour_at, base_asset, oi_usd, is_lower_bound, oi_constant_venues_usd, oi_change_1h_share,
    oi_change_24h_share
from leverage_hourly
where {last_48_hours} and base_asset in ({assets})
order by hour_at
