select
    venue, base_asset, window_hours, long_usd, short_usd, total_usd, total_usd_low, total_usd_mid,
    total_usd_high, share, is_lower_bound, is_ranking_open
from exchange_breakdown
where hour_at = {hour} and window_hours in (1, 4, 12, 24) and base_asset in ({assets})
order by window_hours, venue <> 'ALL', total_usd desc nulls last, venue
