{#-
    A sum or count of events, as far as it is known: the observed value where events were seen; else
    zero if everything was covered, and null if something was not.

    Arguments: seen, an expression, null or zero where there were no events; is_complete, a predicate,
    true where everything that the sum is of was covered in full.
-#}
{% macro observed_sum(seen, is_complete) -%}
    (case when {{ seen }} > 0 or {{ is_complete }} then coalesce({{ seen }}, 0) end)
{%- endmacro %}
