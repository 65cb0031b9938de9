-- A sum or count is zero only if all venues that report the asset were covered in every hour of the
-- window.
-- why: A zero states that nothing happened; without full coverage that is unknown.
-- failure: {unexpected_count} rows of liquidation_imbalance_hourly have a zero in a window that was
--   not covered in full, the first {example}
select
    hour_at,
    base_asset,
    long_1h_usd,
    short_1h_usd,
    long_24h_usd,
    short_24h_usd
from {batch}
where
    (
        is_incomplete_1h
        and (long_1h_usd = 0 or short_1h_usd = 0 or long_1h_events = 0 or short_1h_events = 0)
    )
    or (
        is_incomplete_24h
        and (long_24h_usd = 0 or short_24h_usd = 0 or long_24h_events = 0 or short_24h_events = 0)
    )
