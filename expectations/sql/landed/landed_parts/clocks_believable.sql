-- At most skewed_share_critical of a live stream's rows are out of step.
-- why: Events would land in hours in which they did not happen.
-- failure: {skewed_count} of {clocked_count} live rows of {venue} in {batch_id} are out of step
--   with their arrival (median lag {median_lag_seconds} s); the part is held
-- action: find out which clock is wrong; look at quarantined_liquidations, then re-seal the batch
--   or run `unwind release-hold {batch_id} {venue}`
select
    batch_id,
    venue,
    clocked_count,
    skewed_count,
    median_lag_seconds,
    skewed_count as unexpected_count
from {batch}
cross join gate.limits as limits
where
    clocked_count >= limits.skewed_rows_judged_from and skewed_share > limits.skewed_share_critical
