{#- The natural logarithm of a number; null where it has none, of which `ln` itself would raise. -#}
{% macro natural_log(number) -%}
    case when {{ number }} > 0 then ln({{ number }}) end
{%- endmacro %}
