select
    classes.hour_at, base_asset, unwind_class, deciding_rule, recovery_divergence,
    range_divergence, oi_change_24h_share, forced_ratio, peak_hour_share, stages_7d
from unwind_classification as classes
left join divergence_hourly using (hour_at, base_asset)
where {last_48_hours} and base_asset in ({assets})
order by hour_at
