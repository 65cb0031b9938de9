-- Gains are the differences of the figures beside them, and outcomes what their intervals say.
-- why: A score that only seems better than yesterday's liquidations would be believed.
-- failure: {unexpected_count} rows of stress_scorecard do not agree with themselves, the first
--   {example}
select
    hour_at,
    base_asset,
    horizon_hours,
    predictor
from {batch}
where
    abs(auc - lagged_auc - auc_gain_over_lagged) > 0.00001
    or abs(auc - volatility_auc - auc_gain_over_volatility) > 0.00001
    or abs(auc - funding_auc - auc_gain_over_funding) > 0.00001
    or (predictor = 'lagged_long_liquidations' and auc_gain_over_lagged != 0)
    or abs(event_hours / graded_hours - event_share) > 0.00001
    or event_hours >= graded_hours
    or distinct_episodes > episodes
    or alarmed_episodes > episodes
    or is_case_study != (distinct_episodes < 30)
    or (is_case_study and comparison_outcome != 'case_study')
    or (comparison_outcome = 'better' and auc_gain_over_lagged_low <= 0)
    or (comparison_outcome = 'worse' and auc_gain_over_lagged_high >= 0)
    or (comparison_outcome = 'undecided' and (
        auc_gain_over_lagged_low > 0 or auc_gain_over_lagged_high < 0
    ))
