-- Every $keys of $of has a row.
-- name: row_for_each_of_$of_name
-- why: A missing row that another table requires was lost on the way.
-- failure: {unexpected_count} $keys of $of have no row in $mart, the first {example}
select distinct
    $columns
from $relation as expected
anti join {batch} as found using ($columns)
where $expected_rows
