-- Quantity, price and notional are above zero (dust that rounds to zero aside).
-- why: A negative size subtracts from a venue's total and hides elsewhere.
-- failure: {unexpected_count} rows of fct_liquidations have a quantity, price or notional that is
--   not positive, the first {example}
select
    liquidation_id,
    venue,
    quantity_base,
    price_usd,
    notional_usd
from {batch}
where
    quantity_base <= 0
    or price_usd <= 0
    or notional_usd < 0
    or (notional_usd = 0 and coalesce(quantity_base::double * price_usd::double, 1) >= 0.0001)
