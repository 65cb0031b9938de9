-- Each drop of an asset and hour has the three tenors.
-- why: Tenors are compared with each other; a missing one changes every such comparison.
-- failure: {unexpected_count} drops of cliff_vs_drift lack a tenor, the first {example}
select
    hour_at,
    base_asset,
    drop_percent,
    count(*) as tenors
from {batch}
group by all
having count(*) != 3
