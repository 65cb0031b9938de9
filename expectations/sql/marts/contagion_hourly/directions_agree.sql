-- The two directions of a pair have the same bursts and pairs, and what leads the one way lags the other.
-- why: Two venues that both lead, or whose bursts add up to more than there are, are no evidence.
-- failure: {unexpected_count} rows of contagion_hourly contradict that of the other direction, the first
--   {example}
select
    one.hour_at,
    one.base_asset,
    one.liquidated_side,
    one.venue,
    one.other_venue
from {batch} as one
left join {batch} as other
    on
        one.hour_at = other.hour_at
        and one.base_asset = other.base_asset
        and one.liquidated_side = other.liquidated_side
        and one.venue = other.other_venue
        and one.other_venue = other.venue
where
    one.active_seconds is distinct from other.other_active_seconds
    or one.joint_pairs is distinct from other.joint_pairs
    or one.shared_bursts is distinct from other.shared_bursts
    or one.shared_bursts - one.tied_bursts is distinct from one.first_bursts + other.first_bursts
    or (one.is_significant and other.is_significant)
    or (
        one.clock_allowance_seconds = 0
        and (
            one.lead_pairs is distinct from other.lag_pairs
            or one.lead_statistic is distinct from -other.lead_statistic
        )
    )
