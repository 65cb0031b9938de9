{#- The natural logarithm of a number; null where it has none, for which `ln` raises. -#}
{% macro natural_log(number) -%}
    case when {{ number }} > 0 then ln({{ number }}) end
{%- endmacro %}
