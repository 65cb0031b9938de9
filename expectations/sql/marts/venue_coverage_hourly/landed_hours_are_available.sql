-- What landed of an hour has an instant since which it is known.
-- why: Without it a study of the past leaves the hour out, or takes it before it was known.
-- failure: {unexpected_count} rows of venue_coverage_hourly have landed and no available_at, the
--   first {example}
select
    hour_at,
    venue,
    landing_outcome
from {batch}
where
    available_at is null
    and (landing_outcome != 'not_landed' or events > 0)
