-- Gains are the differences of the grades beside them, and the weights of a mix sum to 1.
-- why: A gain over something else than it names decides which mix is used.
-- failure: {unexpected_count} rows of liquidation_map_scorecard do not agree with themselves, the
--   first {example}
select
    hour_at,
    base_asset,
    horizon_hours,
    mix_variant
from {batch}
where
    abs(hit_rate - uniform_hit_rate - hit_gain_over_uniform) > 0.00001
    or abs(hit_rate - volume_hit_rate - hit_gain_over_volume) > 0.00001
    or abs(uniform_crps_percent - crps_percent - crps_gain_over_uniform_percent) > 0.00001
    or abs(volume_crps_percent - crps_percent - crps_gain_over_volume_percent) > 0.00001
    or (mix_variant = 'fixed' and crps_gain_over_fixed_percent != 0)
    or abs(weight_5x + weight_10x + weight_25x + weight_50x + weight_100x - 1) > 0.00001
    or is_case_study != (graded_days < 30)
