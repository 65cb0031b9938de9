-- int_liquidations_unioned has every column that facts and gates read.
-- why: A missing column means rows of undefined meaning.
-- failure: int_liquidations_unioned lacks the column {column_name}
-- action: add it to the staging models of liquidations and refresh again
select
    column_name,
    expected_type,
    actual_type
from {batch}
where actual_type is null and exists (
    select 1 from {batch}
    where actual_type is not null
)
