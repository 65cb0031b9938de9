select
    hour_at, venue, landing_outcome, covered_share, lower_bound_reason, total_usd
from venue_coverage_hourly
where hour_at between {hour} - interval 23 hours and {hour}
order by hour_at, venue
