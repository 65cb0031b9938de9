-- Each fact of the hours being built has at least one sighting.
-- why: A fact without a sighting cannot be traced to raw bytes.
-- failure: {unexpected_count} facts have no sighting, the first {example}
select
    facts.liquidation_id,
    facts.venue,
    facts.batch_id
from gate.fct_liquidations as facts
anti join {batch} as sighted on facts.liquidation_id = sighted.liquidation_id
