select
    bucket_low_usd, base_asset, bucket_high_usd, liquidated_side, mass_usd, mass_low_usd,
    mass_high_usd, distance_percent
from liquidation_map
where hour_at = {hour} and base_asset in ({assets}) and abs(distance_percent) <= 5
order by bucket_low_usd desc
