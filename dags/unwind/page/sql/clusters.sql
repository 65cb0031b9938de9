select
    bucket_low_usd, base_asset, bucket_high_usd, sum(long_24h_usd) as long_24h_usd,
    sum(short_24h_usd) as short_24h_usd, sum(long_30d_usd) as long_30d_usd,
    sum(short_30d_usd) as short_30d_usd, any_value(distance_to_spot_percent) as distance_percent
from liquidation_clusters
where hour_at = {hour} and base_asset in ({assets}) and is_market_price
    and abs(distance_to_spot_percent) <= 5
group by base_asset, bucket_low_usd, bucket_high_usd
order by bucket_low_usd desc
