-- A side is zero only if the venue's hour was covered in full.
-- why: A zero states that nothing happened; without full coverage that is unknown.
-- failure: {unexpected_count} rows of liquidations_hourly have a zero for a side in an hour that
--   was not covered in full, the first {example}
select
    hour_at,
    venue,
    base_asset,
    long_usd,
    short_usd
from {batch}
where not is_complete and (long_usd = 0 or short_usd = 0 or long_events = 0 or short_events = 0)
