-- Every pair of sources that can be compared has a row.
-- why: A difference that is not there would look like none.
-- failure: {unexpected_count} pairs of sources have no row in reconciliation, the first {example}
-- action: nothing is published; look for the error of reconciliation in the dbt log
select distinct
    event_date,
    venue,
    base_asset,
    left_source,
    right_source
from staging.intermediate.int_reconciliation_cells as expected
anti join {batch} as found using (event_date, venue, base_asset, left_source, right_source)
where expected.event_date in (from gate.days_of_reconciliation)
