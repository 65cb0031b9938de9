{#-
    Fails with each key of another relation for which the model has no row.

    Arguments:
      of         the other relation
      columns    the key, by the names that it has in both
      rows_where SQL condition for the rows of `of` that count
      kept       as_of_hours where the model keeps only these
-#}
{% test has_row_for_each(model, of, columns, rows_where='true', kept=none) %}
select distinct {{ columns | join(", ") }}
from {{ of }} as expected
anti join {{ model }} as found using ({{ columns | join(", ") }})
where {{ rows_where }}
{%- if kept == 'as_of_hours' %}
    and hour_at in {{ kept_as_of_hours() }}
{%- endif %}
{% endtest %}
