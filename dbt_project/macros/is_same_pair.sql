{#-
    Whether two relations' rows are of one row of the mart reconciliation.

    Arguments: left and right, the names of the relations.
-#}
{% macro is_same_pair(left, right) -%}
    {%- for key in ['event_date', 'venue', 'base_asset', 'left_source', 'right_source'] -%}
    {%- if not loop.first %}
    and {% endif -%}
    {{ left }}.{{ key }} = {{ right }}.{{ key }}
    {%- endfor -%}
{%- endmacro %}
