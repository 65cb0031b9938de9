-- long_usd + short_usd = total_usd, to the last digit; an unknown side adds nothing.
-- why: A total that is not the sum of its parts makes every share wrong.
-- failure: {unexpected_count} rows of liquidations_hourly have a total that is not long plus short,
--   the first {example}
select
    hour_at,
    venue,
    base_asset,
    long_usd,
    short_usd,
    total_usd
from {batch}
where coalesce(long_usd, 0) + coalesce(short_usd, 0) != coalesce(total_usd, 0)
