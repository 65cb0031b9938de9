-- A fact's count of sightings is the number of its sightings.
-- why: Accounting: staged = accepted + repeated + quarantined.
-- failure: {unexpected_count} facts state a different number of sightings than there are, the first
--   {example}
with counted as (
    select
        liquidation_id,
        count(*) as occurrences
    from {batch}
    group by liquidation_id
)

select
    facts.liquidation_id,
    facts.sightings,
    counted.occurrences
from gate.fct_liquidations as facts
inner join counted on facts.liquidation_id = counted.liquidation_id
where facts.sightings is distinct from counted.occurrences
