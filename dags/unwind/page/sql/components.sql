select component, base_asset, value, percentile, weight, contribution, regime, history_hours
from stress_components_hourly
where hour_at = {hour} and base_asset in ({assets})
order by contribution desc nulls last, component
