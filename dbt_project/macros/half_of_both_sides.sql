{#-
    One side of a figure that counts both longs and shorts, as text. Text that is not a number is
    unchanged, so that it is rejected as unreadable.
-#}
{% macro half_of_both_sides(column) -%}
    coalesce((try_cast({{ column }} as double) / 2)::varchar, {{ column }})
{%- endmacro %}
