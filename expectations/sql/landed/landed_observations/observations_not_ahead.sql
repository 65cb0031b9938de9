-- No accepted observation is later than its batch.
-- why: An observation from the future would leak into as-of figures.
-- severity: warning
-- failure: {ahead_count} of {row_count} rows of {relation} in {batch_id} are dated after the batch
--   was sealed (the last {last_observed_at})
-- action: check the time unit of the venue's format
select
    batch_id,
    venue,
    relation,
    row_count,
    ahead_count,
    last_observed_at,
    ahead_count as unexpected_count
from {batch}
where ahead_count > 0
