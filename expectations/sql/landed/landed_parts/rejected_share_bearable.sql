-- At most rejected_share_critical of a part's rows are rejected; imports may have any share.
-- why: If most rows are unusable, the format is not the known one, and the accepted rows cannot be
--   trusted either.
-- failure: {rejected_count} of {row_count} rows of {venue} in {batch_id} were rejected, mostly for
--   '{commonest_reject_reason}'; the part is held
-- action: look at quarantined_liquidations, then re-seal the batch or run `unwind release-hold
--   {batch_id} {venue}`
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
where
    kind != 'import'
    and row_count >= limits.rejected_rows_judged_from
    and rejected_share > limits.rejected_share_critical
