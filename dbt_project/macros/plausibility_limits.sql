{#-
    Limits of the seed plausibility_limits as one row, one column each.

    Argument: names of limits. A name that the seed lacks is null and rejects nothing: each limit has
    a test in which a value beyond it is rejected.
-#}
{% macro plausibility_limits(names) -%}
    select
        {%- for name in names %}
        max(value) filter (where limit_name = '{{ name }}') as {{ name }},
        {%- endfor %}

    from {{ ref('plausibility_limits') }}
{%- endmacro %}
