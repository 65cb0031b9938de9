-- A side is zero only in an hour of its venue that was heard whole.
-- why: A zero is a statement that nothing happened; where something was not heard it is an
--   invention.
-- failure: {unexpected_count} rows of liquidations_hourly have a zero for a side in an hour that
--   was not heard whole, the first {example}
select
    hour_at,
    venue,
    base_asset,
    long_usd,
    short_usd
from {batch}
where not is_complete and (long_usd = 0 or short_usd = 0 or long_events = 0 or short_events = 0)
