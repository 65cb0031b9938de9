-- int_liquidations_unioned exists and can be read.
-- why: An empty staging would otherwise look like a quiet market.
-- failure: int_liquidations_unioned is missing from staging, or reads something that is missing
-- action: look for its error in the dbt log and refresh again
select count(*) as columns_missing from {batch}
having count(actual_type) = 0
