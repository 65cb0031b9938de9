-- Every $column is in $of.
-- name: ${column}_in_$of_name
-- why: Values without a dimension row are dropped by every query that joins it.
-- failure: {unexpected_count} values of $column in $mart are not in $of, the first {example}
select
    $column,
    count(*) as occurrences
from {batch}
where $column not in (select $field from $relation where $field is not null)
group by $column
