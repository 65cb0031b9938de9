-- Beside each record of the score are its placebos, and the flipped score has what is left to 1.
-- why: Without placebos a record shows nothing, and a mirrored figure that is none was not measured.
-- failure: {unexpected_count} records of the score in stress_scorecard are without their placebos or
--   contradict them, the first {example}
select
    hour_at,
    base_asset,
    horizon_hours
from {batch}
group by hour_at, base_asset, horizon_hours
having
    count(*) filter (where predictor = 'score') != 1
    or count(*) filter (where predictor = 'lagged_long_liquidations') != 1
    or count(*) filter (where predictor = 'placebo_flipped_score') != 1
    or abs(
        max(auc) filter (where predictor = 'score')
        + max(auc) filter (where predictor = 'placebo_flipped_score')
        - 1
    ) > 0.00001
