-- At most skewed_share_warning of a live stream's rows have an event time out of step with their
-- arrival.
-- why: A venue's clock or ours drifts.
-- severity: warning
-- failure: {skewed_count} of {clocked_count} live rows of {venue} in {batch_id} have an event time
--   more than 5 minutes after or 26 hours before their arrival (median lag {median_lag_seconds} s)
-- action: check this host's time service and the venue's announcements
select
    batch_id,
    venue,
    clocked_count,
    skewed_count,
    median_lag_seconds,
    skewed_count as unexpected_count
from {batch}
cross join gate.limits as limits
where skewed_share > limits.skewed_share_warning
