-- At most rejected_share_warning of a part's rows are rejected.
-- why: More than a few rejects indicate a new symbol, field or unit.
-- severity: warning
-- failure: {rejected_count} of {row_count} rows of {venue} in {batch_id} were rejected, mostly for
--   '{commonest_reject_reason}'
-- action: look at quarantined_liquidations of this batch
select
    batch_id,
    venue,
    row_count,
    rejected_count,
    commonest_reject_reason,
    rejected_count as unexpected_count,
    round(rejected_share, 4) as rejected_share
from {batch}
cross join gate.limits as limits
where rejected_share > limits.rejected_share_warning
