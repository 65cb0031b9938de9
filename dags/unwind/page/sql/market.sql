select base_asset as asset, rank, tier, sector, market_cap_usd, return_24h, return_source
from market_heatmap
where hour_at = {hour} and market_cap_usd > 0
order by rank
limit 100
