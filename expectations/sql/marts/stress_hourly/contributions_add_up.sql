-- The score is the sum of its components' contributions, up to rounding.
-- why: A score that cannot be recomputed from its components is an opinion.
-- failure: {unexpected_count} rows of stress_hourly have a score that is not the sum of its
--   contributions, the first {example}
with contributions as (
    select
        hour_at,
        base_asset,
        sum(contribution) as total
    from warehouse.marts.stress_components_hourly
    where hour_at in (select hour_at from gate.hours_of_stress_hourly)
    group by all
)

select
    hour_at,
    base_asset,
    score,
    contributions.total
from {batch}
left join contributions using (hour_at, base_asset)
cross join gate.limits as limits
where abs(score - coalesce(contributions.total, 0)) > limits.score_tolerance
