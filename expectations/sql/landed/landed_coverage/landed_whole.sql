-- Every venue's dataset landed completely.
-- why: A venue that is down costs only its own data, and venue_coverage_hourly shows it to readers.
-- severity: warning
-- failure: {venue} {dataset} of {batch_id} landed {status}: {detail}
-- action: nothing if it was a one-off; `unwind land` of the same hour tries again
select
    batch_id,
    venue,
    dataset,
    status,
    detail
from {batch}
where status in ('partial', 'failed')
