-- An intensity has a matched instrument of a matched venue in numerator and denominator.
-- why: A ratio over nothing, or over venues that were not covered, is not an intensity.
-- failure: {unexpected_count} rows of liquidation_intensity_hourly have an intensity without a
--   matched instrument, or the reverse, the first {example}
select
    hour_at,
    base_asset,
    long_intensity_1h_bp,
    matched_instruments_1h,
    long_intensity_24h_bp,
    matched_instruments_24h
from {batch}
where
    (long_intensity_1h_bp is null) != (matched_instruments_1h = 0)
    or (long_intensity_24h_bp is null) != (matched_instruments_24h = 0)
    or matched_venues_1h > matched_instruments_1h
    or matched_venues_24h > matched_instruments_24h
