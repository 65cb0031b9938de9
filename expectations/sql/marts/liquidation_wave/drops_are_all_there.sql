-- Each asset and hour has the twenty drops of 1 to 20%.
-- why: A missing drop is a hole in the ladder, which a maximum over it steps across unseen.
-- failure: {unexpected_count} assets and hours of liquidation_wave lack a drop, the first {example}
select
    hour_at,
    base_asset,
    count(*) as drops
from {batch}
group by all
having count(*) != 20
