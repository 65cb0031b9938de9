-- The number of rows of each $keys equals the count in $of ($column).
-- name: counts_match_$of_name
-- why: A missing row was lost on the way, an extra row is counted twice.
-- failure: {unexpected_count} $keys have a different number of rows in $mart than $of counts, the
--   first {example}
with

expected as (

    select
        $columns,
        sum($column)::bigint as expected_rows
    from $relation as expected
    where $expected_rows
    group by all

),

found as (

    select
        $columns,
        count(*) as found_rows
    from {batch}
    group by all

)

select
    $columns,
    coalesce(expected.expected_rows, 0) as expected_rows,
    coalesce(found.found_rows, 0) as found_rows
from expected
full outer join found using ($columns)
where coalesce(expected.expected_rows, 0) != coalesce(found.found_rows, 0)
