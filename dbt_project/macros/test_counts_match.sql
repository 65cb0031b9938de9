{#-
    Fails with each key whose number of rows in the model differs from a relation's count.

    Arguments:
      of         the relation that counts
      column     its count, an expression
      columns    the key, by the names that it has in both
      rows_where SQL condition for the rows of `of` that count
-#}
{% test counts_match(model, of, column, columns, rows_where='true') %}
select {{ columns | join(", ") }}, expected_rows, found_rows
from (
    select {{ columns | join(", ") }}, sum({{ column }}) as expected_rows
    from {{ of }}
    where {{ rows_where }}
    group by all
) as expected
full outer join (
    select {{ columns | join(", ") }}, count(*) as found_rows from {{ model }} group by all
) as found using ({{ columns | join(", ") }})
where coalesce(expected_rows, 0) != coalesce(found_rows, 0)
{% endtest %}
