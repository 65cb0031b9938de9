-- A side has all of its buckets, and they add up to no more than its total.
-- why: A lost bucket is a level that nobody expects; a doubled one is a wall that is not there.
-- failure: {unexpected_count} sides of liquidation_map lost or doubled buckets, the first {example}
select
    hour_at,
    base_asset,
    liquidated_side,
    count(*) as buckets,
    max(side_buckets) as side_buckets,
    sum(mass_usd) as mapped_usd,
    max(side_total_usd) as side_total_usd
from {batch}
group by hour_at, base_asset, liquidated_side
having
    count(*) != max(side_buckets)
    or sum(mass_usd) > max(side_total_usd) * 1.000001 + 0.01
    or abs(sum(side_share) * max(side_total_usd) - sum(mass_usd)) > 0.01 + sum(mass_usd) / 100000
