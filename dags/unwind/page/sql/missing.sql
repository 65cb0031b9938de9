select
    coverage.hour_at, coverage.venue, coverage.landing_outcome, coverage.covered_share,
    string_agg(distinct landings.detail, ' ') as detail
from venue_coverage_hourly as coverage
left join landing_outcomes as landings
    on landings.venue = coverage.venue and landings.dataset = 'liquidations'
    and coverage.hour_at >= landings.covers_from_at and coverage.hour_at < landings.covers_to_at
    and landings.status <> 'ok'
where coverage.hour_at between {hour} - interval 167 hours and {hour} and not coverage.is_complete
group by all
order by coverage.hour_at desc, coverage.venue
limit 60
