-- If an hour of the window was not covered in full, is_lower_bound and is_incomplete are true.
-- why: An unmarked partial figure is mistaken for a complete one.
-- failure: {unexpected_count} rows of exchange_breakdown cover only part of their window and are
--   not marked, the first {example}
select
    as_of_at,
    window_hours,
    base_asset,
    venue,
    complete_hours
from {batch}
where complete_hours < window_hours and not (is_lower_bound and is_incomplete)
