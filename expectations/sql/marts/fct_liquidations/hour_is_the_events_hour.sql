-- hour_at is the hour of event_at.
-- why: Hours are what is rebuilt; a row under a wrong hour is never corrected.
-- failure: {unexpected_count} rows of fct_liquidations stand under an hour that is not their
--   event's, the first {example}
select
    liquidation_id,
    venue,
    event_at,
    hour_at
from {batch}
where hour_at is distinct from date_trunc('hour', event_at)
