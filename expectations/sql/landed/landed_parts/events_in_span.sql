-- At most outside_span_share_warning of a part's events lie outside the batch's plausible span.
-- why: Pages reach a day back, never into the future; stray times indicate a wrong unit or time
--   zone.
-- severity: warning
-- failure: {outside_span_count} of {dated_count} rows of {venue} in {batch_id} date their events
--   outside its span (they run from {first_event_at} to {last_event_at})
-- action: look at the event times of the part's rows
select
    batch_id,
    venue,
    dated_count,
    outside_span_count,
    first_event_at,
    last_event_at,
    outside_span_count as unexpected_count
from {batch}
cross join gate.limits as limits
where outside_span_share > limits.outside_span_share_warning
