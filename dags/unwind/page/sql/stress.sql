select hour_at, base_asset, score, score_percentile, regime, known_weight_share, missing_components
from stress_hourly
where {last_48_hours} and base_asset in ({assets})
order by hour_at
