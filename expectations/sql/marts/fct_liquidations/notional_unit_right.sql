-- For linear and inverse contracts notional is within notional_unit_share of quantity times price.
-- why: Contracts mistaken for coins, or a multiplier applied on one side only, are off by a factor.
-- failure: {unexpected_count} rows of fct_liquidations have a notional far from quantity times
--   price, the first {example}
select
    liquidation_id,
    venue,
    instrument,
    quantity_base,
    price_usd,
    notional_usd
from {batch}
cross join gate.limits as limits
where
    contract_type in ('linear', 'inverse')
    and abs(quantity_base::double * price_usd::double - notional_usd::double)
    > limits.notional_unit_share * abs(notional_usd::double) + limits.notional_tolerance_usd
