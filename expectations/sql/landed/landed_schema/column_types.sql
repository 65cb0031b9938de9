-- Its columns have the types that the contract states.
-- why: A time with a zone or a line number as text changes every comparison made with it, silently.
-- failure: int_liquidations_unioned.{column_name} is {actual_type} where {expected_type} is
--   expected
-- action: cast it in the staging models of liquidations and refresh again
select
    column_name,
    expected_type,
    actual_type
from {batch}
where actual_type is not null and not type_fits
