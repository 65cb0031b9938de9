-- No check of a venue's rows, sides or clock is critical.
-- why: A wrong side or clock misleads every sum of its venue; faulty rows are in quarantine, and are
--   missing from it.
-- severity: warning
-- failure: {unexpected_count} checks of grain_audit are critical, the first {example}
-- action: compare the rows that rows_table and rows_where select with the venue's own pages
--   (docs/reconciliation.md)
select
    event_date,
    venue,
    check_name,
    statistic,
    shift_minutes
from {batch}
where severity = 'critical'
