{#-
    Fails with each value outside of a range, both ends included; null is within.

    Arguments: min_value, max_value, each a number or the name of a limit in plausibility_limits.
-#}
{% test in_range(model, column_name, min_value=none, max_value=none) %}
select {{ column_name }} from {{ model }}
where false
{%- for value, sign in [(min_value, '<'), (max_value, '>')] if value is not none %}
    or {{ column_name }} {{ sign }}
    {%- if value is string %}
        (
            select value from {{ ref('plausibility_limits') }}
            where limit_name = '{{ value }}'
        )
    {%- else %} {{ value }}
    {%- endif %}
{%- endfor %}
{% endtest %}
