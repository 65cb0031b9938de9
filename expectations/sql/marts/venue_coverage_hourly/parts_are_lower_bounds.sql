-- What is not complete, or hides events, is a lower bound with a reason.
-- why: A figure of a part that does not say so is taken for the whole.
-- failure: {unexpected_count} rows of venue_coverage_hourly do not say whether their hour is whole,
--   the first {example}
select
    hour_at,
    venue,
    landing_outcome,
    publication_rule
from {batch}
where
    is_complete != (landing_outcome = 'complete')
    or is_lower_bound != (not is_complete or publication_rule != 'full')
    or is_lower_bound != (lower_bound_reason is not null)
