select
    hour_at, assets, red_by_count_share, red_by_cap_share, large_median_return_24h,
    mid_median_return_24h, mid_minus_large_return_24h, btc_return_24h, btc_cap_share,
    stablecoin_cap_share, defensive_rotation, mean_red_by_cap_share_30d
from market_heatmap_summary
where {last_24_hours}
order by hour_at
