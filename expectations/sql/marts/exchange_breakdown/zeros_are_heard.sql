-- A sum or count is zero only where every hour of the window was heard whole.
-- why: A zero is a statement that nothing happened; where something was not heard it is an
--   invention.
-- failure: {unexpected_count} rows of exchange_breakdown have a zero in a window that was not heard
--   whole, the first {example}
select
    as_of_at,
    window_hours,
    base_asset,
    venue,
    complete_hours
from {batch}
where
    complete_hours < window_hours and (long_usd = 0 or short_usd = 0 or total_usd = 0 or events = 0)
