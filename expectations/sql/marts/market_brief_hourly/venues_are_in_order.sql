-- The largest venue has no less than the second, the second no less than the third.
-- why: The first venue of a text is taken for the one where it happened.
-- failure: {unexpected_count} rows of market_brief_hourly name venues out of order, the first
--   {example}
select
    hour_at,
    base_asset,
    largest_venue_usd,
    second_venue_usd,
    third_venue_usd
from {batch}
where
    second_venue_usd > largest_venue_usd
    or third_venue_usd > second_venue_usd
    or (largest_venue is null and second_venue is not null)
    or (second_venue is null and third_venue is not null)
