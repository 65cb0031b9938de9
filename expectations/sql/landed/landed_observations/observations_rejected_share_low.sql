-- At most rejected_share_warning of a part's open interest, funding, price and other observations
-- are rejected, not counting periods that are still running.
-- why: Rejected observations stay out of the facts; many of them indicate a changed field.
-- severity: warning
-- failure: {rejected_count} of {row_count} rows of {relation} in {batch_id} were rejected, mostly
--   for '{commonest_reject_reason}'
-- action: look at the rows with a reject_reason in staging's {relation}
select
    batch_id,
    venue,
    relation,
    row_count,
    rejected_count,
    commonest_reject_reason,
    rejected_count as unexpected_count
from {batch}
cross join gate.limits as limits
where rejected_share > limits.rejected_share_warning
