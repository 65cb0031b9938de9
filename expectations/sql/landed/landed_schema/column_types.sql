-- Its columns have the types of the contract.
-- why: A time with a time zone or a line number as text silently changes every comparison with it.
-- failure: int_liquidations_unioned.{column_name} is {actual_type} where {expected_type} is
--   expected
-- action: cast it in the staging models of liquidations and refresh again
select
    column_name,
    expected_type,
    actual_type
from {batch}
where actual_type is not null and not type_fits
