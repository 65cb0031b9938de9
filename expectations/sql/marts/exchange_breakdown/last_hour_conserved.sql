-- The one-hour window of ALL venues and assets is the sum of that hour in liquidations_hourly.
-- why: The most quoted table must match the hours that it sums.
-- failure: {unexpected_count} one-hour rows of exchange_breakdown are not the sum of their hour,
--   the first {example}
with hourly as (
    select
        hour_at,
        sum(long_usd) as hours_long_usd,
        sum(short_usd) as hours_short_usd
    from warehouse.marts.liquidations_hourly
    where hour_at in (select hour_at from gate.hours_of_exchange_breakdown)
    group by hour_at
)

select
    hour_at,
    long_usd,
    short_usd,
    hours_long_usd,
    hours_short_usd
from (select
    hour_at,
    sum(long_usd) as long_usd,
    sum(short_usd) as short_usd
from {batch}
where window_hours = 1 and base_asset = 'ALL' and venue = 'ALL'
group by hour_at) as windows
left join hourly using (hour_at)
where
    coalesce(long_usd, 0) != coalesce(hours_long_usd, 0)
    or coalesce(short_usd, 0) != coalesce(hours_short_usd, 0)
