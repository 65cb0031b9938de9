-- A larger fall liquidates no less, and of each estimate the lower end is not above the upper one.
-- why: What a smaller fall has liquidated, a larger one has too.
-- failure: {unexpected_count} rows of market_brief_hourly have falls out of order, the first
--   {example}
select
    hour_at,
    base_asset,
    fall_1_percent_usd,
    fall_3_percent_usd,
    fall_5_percent_usd
from {batch}
where
    fall_1_percent_usd > fall_3_percent_usd
    or fall_3_percent_usd > fall_5_percent_usd
    or fall_1_percent_low_usd > fall_1_percent_high_usd
    or fall_3_percent_low_usd > fall_3_percent_high_usd
    or fall_5_percent_low_usd > fall_5_percent_high_usd
