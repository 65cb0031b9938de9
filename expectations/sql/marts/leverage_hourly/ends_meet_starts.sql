-- oi_usd is the next hour's oi_start_usd, null where that is null.
-- why: Start and end are one instant; two different figures for it create a change of open interest
--   that did not happen.
-- failure: {unexpected_count} hours of leverage_hourly end with a different open interest than the
--   next hour starts with, the first {example}
select
    former.hour_at,
    former.base_asset,
    former.oi_usd,
    later.oi_start_usd
from {batch} as former
inner join
    {batch} as later
    on former.hour_at + interval 1 hour = later.hour_at and former.base_asset = later.base_asset
where former.base_asset != 'ALL' and former.oi_usd is distinct from later.oi_start_usd
