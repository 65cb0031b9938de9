-- The rows of asset ALL are the sums of the assets.
-- why: The headline figure must be the sum of the rows that readers drill into.
-- failure: {unexpected_count} rows of exchange_breakdown for ALL assets are not the sum of the
--   assets, the first {example}
select
    as_of_at,
    window_hours,
    venue,
    sum(long_usd) filter (where base_asset = 'ALL') as all_long_usd,
    sum(long_usd) filter (where base_asset != 'ALL') as assets_long_usd,
    sum(short_usd) filter (where base_asset = 'ALL') as all_short_usd,
    sum(short_usd) filter (where base_asset != 'ALL') as assets_short_usd
from {batch}
group by as_of_at, window_hours, venue
having
    coalesce(all_long_usd, 0) != coalesce(assets_long_usd, 0)
    or coalesce(all_short_usd, 0) != coalesce(assets_short_usd, 0)
