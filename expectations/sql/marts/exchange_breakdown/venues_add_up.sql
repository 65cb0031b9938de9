-- The row of venue ALL is the sum of the venues.
-- why: Shares of a wrong total are the most misleading error in the most quoted table.
-- failure: {unexpected_count} rows of exchange_breakdown for ALL venues are not the sum of the
--   venues, the first {example}
select
    as_of_at,
    window_hours,
    base_asset,
    sum(long_usd) filter (where venue = 'ALL') as all_long_usd,
    sum(long_usd) filter (where venue != 'ALL') as venues_long_usd,
    sum(short_usd) filter (where venue = 'ALL') as all_short_usd,
    sum(short_usd) filter (where venue != 'ALL') as venues_short_usd
from {batch}
group by as_of_at, window_hours, base_asset
having
    coalesce(all_long_usd, 0) != coalesce(venues_long_usd, 0)
    or coalesce(all_short_usd, 0) != coalesce(venues_short_usd, 0)
