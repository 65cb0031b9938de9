-- Hidden dollars and events of an hour's minutes add up to those of the hour, but for rounding.
-- why: An interval of a window that cuts an hour would count what the hour hides twice, or not.
-- failure: {unexpected_count} hours of a venue and asset hide other sums in
--   hidden_liquidations_minutely than in hidden_liquidations_hourly, the first {example}
with minutely as (
    select
        hour_at,
        venue,
        base_asset,
        sum(long_hidden_usd) as long_hidden_usd,
        sum(short_hidden_usd) as short_hidden_usd,
        sum(total_hidden_usd) as total_hidden_usd,
        sum(total_hidden_events) as total_hidden_events
    from {batch}
    group by all
)

select
    hour_at,
    venue,
    base_asset,
    minutely.total_hidden_usd,
    hourly.total_hidden_usd as hourly_total_hidden_usd,
    minutely.total_hidden_events,
    hourly.total_hidden_events as hourly_total_hidden_events
from minutely
inner join gate.hidden_liquidations_hourly as hourly using (hour_at, venue, base_asset)
where
    abs(minutely.long_hidden_usd - hourly.long_hidden_usd) > 1
    or abs(minutely.short_hidden_usd - hourly.short_hidden_usd) > 1
    or abs(minutely.total_hidden_usd - hourly.total_hidden_usd) > 1
    or abs(minutely.total_hidden_events - hourly.total_hidden_events) > 0.01
