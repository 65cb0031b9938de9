-- No rate has an interval that its venue does not document.
-- why: A venue that settles at a new interval is left out of funding until the interval is
--   documented.
-- severity: warning
-- failure: {unexpected_count} rates of fct_funding have an interval that their venue does not
--   document, the first {example}
-- action: look up the venue's funding intervals and add the new one to
--   dbt_project/seeds/funding_intervals.csv
select
    venue,
    instrument,
    funding_at,
    is_settled
from {batch}
where interval_source = 'unknown'
