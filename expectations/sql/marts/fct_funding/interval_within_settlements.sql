-- A settled rate covers no more than the time since the previous settlement.
-- why: An interval that is too long makes the 8-hour rate too low.
-- severity: warning
-- failure: {unexpected_count} settled rates of fct_funding cover more than the time since the
--   previous settlement, the first {example}
-- action: compare the venue's settlement times with interval_hours and interval_source of these
--   rows
select
    venue,
    instrument,
    funding_at,
    interval_hours
from (select
    *,
    lag(funding_at) over (partition by venue, instrument order by funding_at) as previous_at
from {batch}
where is_settled) as settled
where epoch(funding_at) - epoch(previous_at) < interval_hours * 3600 - 60
