{#-
    An expression over values from outside, null where it raises: a cast, a sum or a function that
    one row's value overflows costs that row, not the run. `try_cast` does the same for a cast alone.

    It takes no aggregates and no window functions. Where a row of two thousand raises, these rows
    are computed one by one, so a condition that keeps such values away is worth its line.
    Reading the compiled SQL, tests/dbt/test_casts.py refuses what can raise outside of it.
-#}
{% macro or_null(expression) -%}
    try({{ expression }})
{%- endmacro %}
