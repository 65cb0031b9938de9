{#-
    A sum or count of events as it is known: what was seen, where something was; zero where nothing
    was seen and everything was heard; null where nothing was seen and something was not heard.

    Arguments: seen, an expression, null or zero where there were no events; is_complete, a
    predicate, whether all that the sum is of was heard whole.
-#}
{% macro observed_sum(seen, is_complete) -%}
    (case when {{ seen }} > 0 or {{ is_complete }} then coalesce({{ seen }}, 0) end)
{%- endmacro %}
