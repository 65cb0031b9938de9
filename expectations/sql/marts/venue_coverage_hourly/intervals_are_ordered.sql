-- Of each interval low <= mid <= high, and low is at least what was published.
-- why: An interval that leaves out the published figure is one of something else.
-- failure: {unexpected_count} rows of venue_coverage_hourly have an interval out of order, the first
--   {example}
select
    hour_at,
    venue,
    total_usd,
    total_usd_low,
    total_usd_mid,
    total_usd_high
from {batch}
where
    not (events <= events_low and events_low <= events_mid)
    or not (total_usd <= total_usd_low and total_usd_low <= total_usd_mid)
    or events_mid > events_high
    or total_usd_mid > total_usd_high
    or total_usd is not null and (total_usd_high is null) != has_unestimated_part
