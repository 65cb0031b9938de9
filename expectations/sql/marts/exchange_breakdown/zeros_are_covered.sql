-- A sum or count is zero only if every hour of the window was covered in full.
-- why: A zero states that nothing happened; without full coverage that is unknown.
-- failure: {unexpected_count} rows of exchange_breakdown have a zero in a window that was not
--   covered in full, the first {example}
select
    as_of_at,
    window_hours,
    base_asset,
    venue,
    complete_hours
from {batch}
where
    complete_hours < window_hours and (long_usd = 0 or short_usd = 0 or total_usd = 0 or events = 0)
