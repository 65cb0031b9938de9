-- P and N together hold every coin of the levels.
-- why: The split hands out what is there; a coin too many would be leverage again.
-- failure: {unexpected_count} rows of cliff_vs_drift hold more or fewer coins than their levels,
--   the first {example}
select
    hour_at,
    base_asset,
    drop_percent,
    tenor_days,
    levels_base,
    principal_base,
    call_base
from {batch}
where abs(principal_base + call_base - levels_base) > 0.00001 + levels_base / 1e9
