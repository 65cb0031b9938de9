-- The event share lies within its interval, and the interval within 0 to 1.
-- why: An interval that does not contain its estimate belongs to a different share.
-- failure: {unexpected_count} rows of liquidation_imbalance_hourly have an event share outside its
--   interval, the first {example}
select
    hour_at,
    base_asset,
    long_1h_event_share,
    long_24h_event_share
from {batch}
where
    not coalesce(
        long_1h_event_share between long_1h_event_share_low
        - 1e-6 and long_1h_event_share_high
        + 1e-6,
        true
    )
    or not coalesce(
        long_24h_event_share between long_24h_event_share_low
        - 1e-6 and long_24h_event_share_high
        + 1e-6,
        true
    )
    or long_1h_event_share_low < -1e-6
    or long_24h_event_share_low < -1e-6
    or long_1h_event_share_high > 1 + 1e-6
    or long_24h_event_share_high > 1 + 1e-6
