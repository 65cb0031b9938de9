-- For linear and inverse contracts notional is quantity times price, to notional_tolerance_share.
-- why: Detects venues whose own turnover figure rounds differently.
-- severity: warning
-- failure: {unexpected_count} rows of fct_liquidations have a notional that is not quantity times
--   price, the first {example}
-- action: compare with the venue's contract size and published turnover
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
    > limits.notional_tolerance_share * abs(notional_usd::double) + limits.notional_tolerance_usd
