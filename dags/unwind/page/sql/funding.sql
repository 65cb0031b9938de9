select
    hour_at, base_asset, oi_weighted_funding_8h, lowest_funding_rate_8h, highest_funding_rate_8h,
    oi_weighted_apr, oi_weighted_basis, venues, is_incomplete
from funding_hourly
where {last_48_hours} and base_asset in ({assets})
order by hour_at
