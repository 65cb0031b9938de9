-- The cliff is what liquidation_wave forces at the same drop.
-- why: The two systems are compared over the same levels.
-- failure: {unexpected_count} cliffs of cliff_vs_drift are not those of liquidation_wave, the first
--   {example}
select
    flows.hour_at,
    flows.base_asset,
    flows.drop_percent,
    flows.tenor_days
from {batch} as flows
inner join gate.liquidation_wave as waves using (hour_at, base_asset, drop_percent)
where flows.cliff_usd is distinct from waves.forced_usd
