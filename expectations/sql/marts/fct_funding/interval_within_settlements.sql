-- A settled rate is for no longer than the time since the settlement before.
-- why: An interval taken too long makes the 8-hour rate too low.
-- severity: warning
-- failure: {unexpected_count} settled rates of fct_funding are for longer than the time since the
--   settlement before, the first {example}
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
