-- An hour that is not complete, or has hidden events, is a lower bound with a reason.
-- why: An unmarked partial figure is mistaken for a complete one.
-- failure: {unexpected_count} rows of venue_coverage_hourly do not say whether their hour is
--   complete, the first {example}
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
