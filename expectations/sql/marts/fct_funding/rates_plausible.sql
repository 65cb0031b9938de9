-- The absolute 8-hour rate is at most funding_rate_8h_max.
-- why: A rate above every venue's cap is really a percentage, an amount or an interval.
-- failure: {unexpected_count} rates of fct_funding are beyond every venue's cap, the first
--   {example}
-- action: nothing is published; check the unit of the venue's rate and its interval
select
    venue,
    instrument,
    funding_at,
    is_settled,
    funding_rate,
    interval_hours
from {batch}
cross join gate.limits as limits
where not coalesce(abs(funding_rate) * 8 / interval_hours <= limits.funding_rate_8h_max, true)
