-- Quantity, price and notional are above zero (except dust that rounds to zero).
-- why: A negative size reduces a venue's total and goes unnoticed elsewhere.
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
