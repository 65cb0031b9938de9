{#-
    One side of a figure that counts longs and shorts alike, as text. A text that is no number stays
    as it is, so that it is rejected for what it is.
-#}
{% macro half_of_both_sides(column) -%}
    coalesce((try_cast({{ column }} as double) / 2)::varchar, {{ column }})
{%- endmacro %}
