-- A share is marked as an upper bound only if the row's own sum is complete.
-- why: A share of two lower bounds may be off either way.
-- failure: {unexpected_count} rows of exchange_breakdown mark the share of a lower bound as an
--   upper bound, the first {example}
select
    as_of_at,
    window_hours,
    base_asset,
    venue
from {batch}
where share_is_upper_bound and (is_lower_bound or venue = 'ALL')
