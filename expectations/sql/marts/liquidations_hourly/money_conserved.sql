-- The sums equal exactly those of the counted facts of the same hour, venue and asset.
-- why: Detects events lost or doubled between facts and marts.
-- failure: {unexpected_count} hours of a venue and asset have different sums in liquidations_hourly
--   than in fct_liquidations, the first {example}
with hourly as (
    select
        hour_at,
        venue,
        base_asset,
        long_usd,
        short_usd
    from {batch}
)

select
    hour_at,
    venue,
    base_asset,
    facts.long_usd as facts_long_usd,
    hourly.long_usd,
    facts.short_usd as facts_short_usd,
    hourly.short_usd
from (select
    hour_at,
    venue,
    base_asset,
    coalesce(sum(notional_usd) filter (where liquidated_side = 'long'), 0) as long_usd,
    coalesce(sum(notional_usd) filter (where liquidated_side = 'short'), 0) as short_usd
from gate.fct_liquidations
where event_kind in ('liquidation', 'backstop', 'deleveraging')
group by all) as facts
full outer join hourly using (hour_at, venue, base_asset)
where
    coalesce(facts.long_usd, 0) != coalesce(hourly.long_usd, 0)
    or coalesce(facts.short_usd, 0) != coalesce(hourly.short_usd, 0)
