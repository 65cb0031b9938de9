-- Every $column is in $of.
-- name: ${column}_in_$of_name
-- why: What no dimension knows is left out by every query that joins it.
-- failure: {unexpected_count} values of $column in $mart are not in $of, the first {example}
select
    $column,
    count(*) as occurrences
from {batch}
where $column not in (select $field from $relation where $field is not null)
group by $column
