{#- Fails with each group of rows that share the model's key. -#}
{% test unique_grain(model, columns) %}
select {{ columns | join(", ") }}, count(*) as copies
from {{ model }}
group by {{ columns | join(", ") }}
having count(*) > 1
{% endtest %}
