-- A lead is tested or there is a reason why not; it is significant only as its figures say.
-- why: A lead that its own figures do not bear out is one that nobody can check.
-- failure: {unexpected_count} rows of contagion_hourly are tested without reason or contradict their
--   figures, the first {example}
select
    hour_at,
    base_asset,
    liquidated_side,
    venue,
    other_venue
from {batch}
where
    (untested_reason is null) != (is_significant is not null)
    or (untested_reason is null) != (null_share_above is not null)
    or (untested_reason is null and least(active_seconds, other_active_seconds) < 20)
    or (untested_reason is null and unequal_blocks < 10)
    or is_significant != (null_share_above <= 0.05 and lead_statistic >= 1.645)
    or (is_significant and lead_pairs <= lag_pairs)
    or abs(lead_statistic) > sqrt(unequal_blocks) + 0.000001
    or null_statistic_low > null_statistic_high
    or abs(peak_lag_seconds) > max_lag_seconds
