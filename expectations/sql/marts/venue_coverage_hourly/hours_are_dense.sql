-- Every hour being built has a row for every venue.
-- why: A missing row would be mistaken for a covered hour.
-- failure: {unexpected_count} hours of a venue have no row in venue_coverage_hourly, the first
--   {example}
select
    hours.hour_at,
    venues.venue
from gate.hours_of_venue_coverage_hourly as hours
cross join (select distinct venue from warehouse.marts.dim_venues) as venues
anti join {batch} as coverage on hours.hour_at = coverage.hour_at and venues.venue = coverage.venue
where hours.hour_at in (select hour_at from staging.ops.hours)
