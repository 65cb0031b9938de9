{#- A value as text in SQL. -#}
{% macro text_in_sql(value) -%}
    '{{ value | replace("'", "''") }}'
{%- endmacro %}
