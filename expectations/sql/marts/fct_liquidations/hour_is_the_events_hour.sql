-- hour_at is the hour of event_at.
-- why: Rebuilds go by hour; a row in the wrong hour is never corrected.
-- failure: {unexpected_count} rows of fct_liquidations are in an hour that is not their event's,
--   the first {example}
select
    liquidation_id,
    venue,
    event_at,
    hour_at
from {batch}
where hour_at is distinct from date_trunc('hour', event_at)
