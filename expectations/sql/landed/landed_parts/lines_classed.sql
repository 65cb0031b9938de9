-- Every staged line is a row, a header, a log line or other.
-- why: A line without a class is missing from staged = accepted + repeated + quarantined.
-- failure: {unclassed_count} lines of {venue} in {batch_id} have no known line class; the part is
--   held
-- action: correct stg_{venue}__liquidations and refresh again
select
    batch_id,
    venue,
    unclassed_count,
    unclassed_count as unexpected_count
from {batch}
where unclassed_count > 0
