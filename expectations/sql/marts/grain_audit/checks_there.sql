-- Every venue's day with a judged liquidation has each of the ten checks.
-- why: A check that is not there would look passed.
-- failure: {unexpected_count} days of venues do not have ten checks in grain_audit, the first {example}
-- action: nothing is published; look for the error of grain_audit in the dbt log
select
    expected.event_date,
    expected.venue,
    count(found.check_name) as checks
from (
    select distinct
        hour_at::date as event_date,
        venue
    from staging.intermediate.int_liquidation_grains_hourly
    where hour_at::date in (from gate.days_of_grain_audit)
) as expected
left join {batch} as found using (event_date, venue)
group by all
having count(found.check_name) != 10
