-- The parts of a difference add up to it, and it is the right side less the left.
-- why: What the parts leave out would look explained.
-- failure: {unexpected_count} rows of reconciliation have parts that do not add up to their difference,
--   the first {example}
select
    event_date,
    venue,
    base_asset,
    left_source,
    right_source,
    difference_usd,
    rest_usd
from {batch}
where
    difference_usd != right_usd - left_usd
    or difference_usd
    != window_usd + zone_usd + units_usd + grain_usd + coverage_usd + publication_usd + rest_usd
