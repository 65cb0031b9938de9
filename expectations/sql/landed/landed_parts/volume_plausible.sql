-- One venue's hour has at most hour_part_rows_max rows.
-- why: A runaway page loop or a doubled feed would multiply every total.
-- failure: {venue} delivered {row_count} rows in {batch_id}, more than is plausible for an hour
-- action: look for repeated pages in the batch's raw objects; look at quarantined_liquidations,
--   then re-seal the batch or run `unwind release-hold {batch_id} {venue}`
select
    batch_id,
    venue,
    row_count,
    row_count as unexpected_count
from {batch}
cross join gate.limits as limits
where kind = 'hour' and row_count > limits.hour_part_rows_max
