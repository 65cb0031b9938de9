-- One mix is the default of a day, the same for every asset and horizon.
-- why: The map uses one mix a day.
-- failure: {unexpected_count} days of liquidation_map_scorecard have two defaults, the first
--   {example}
select
    hour_at,
    count(distinct mix_variant) as default_mixes
from {batch}
where is_default
group by hour_at
having count(distinct mix_variant) != 1
