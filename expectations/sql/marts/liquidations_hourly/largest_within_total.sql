-- largest_usd is between zero and total_usd.
-- why: A single order above the hour's total means that the total sums other rows.
-- failure: {unexpected_count} rows of liquidations_hourly have a largest order outside zero to
--   total, the first {example}
select
    hour_at,
    venue,
    base_asset,
    largest_usd,
    total_usd
from {batch}
where largest_usd < 0 or largest_usd > total_usd or total_usd < 0 or long_usd < 0 or short_usd < 0
