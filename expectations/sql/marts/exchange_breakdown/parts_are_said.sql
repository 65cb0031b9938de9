-- Where an hour of the window was not heard whole, is_lower_bound and is_incomplete say so.
-- why: A figure of a part that does not say so is taken for the whole.
-- failure: {unexpected_count} rows of exchange_breakdown are of a part of their window and do not
--   say so, the first {example}
select
    as_of_at,
    window_hours,
    base_asset,
    venue,
    complete_hours
from {batch}
where complete_hours < window_hours and not (is_lower_bound and is_incomplete)
