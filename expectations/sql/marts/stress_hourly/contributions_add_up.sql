-- The score is the sum of its components' contributions, to their rounding.
-- why: A score can be redone by hand from its row, or it is an opinion.
-- failure: {unexpected_count} rows of stress_hourly have a score that is not the sum of its
--   contributions, the first {example}
select
    hour_at,
    base_asset,
    score
from {batch}
cross join gate.limits as limits
where
    abs(
        score
        - (
            coalesce(oi_to_market_cap_contribution, 0)
            + coalesce(oi_weighted_funding_8h_contribution, 0)
            + coalesce(long_imbalance_24h_contribution, 0)
            + coalesce(intensity_24h_bp_contribution, 0)
            + coalesce(realised_volatility_24h_contribution, 0)
            + coalesce(mass_below_spot_contribution, 0)
        )
    )
    > limits.score_tolerance
