select
    hour_at, venue, landing_outcome, covered_share, lower_bound_reason, total_usd
from venue_coverage_hourly
where {last_24_hours}
order by hour_at, venue
