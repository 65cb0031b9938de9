-- Each sighting belongs to a fact.
-- why: A sighting without a fact is an accepted row that is in no total.
-- failure: {unexpected_count} sightings belong to no fact, the first {example}
select
    sighted.liquidation_id,
    sighted.venue
from {batch} as sighted
anti join gate.fct_liquidations on sighted.liquidation_id = fct_liquidations.liquidation_id
