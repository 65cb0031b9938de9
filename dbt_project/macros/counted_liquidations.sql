{#- Which facts count in totals: forced closes of a known side; not the winners of an ADL. -#}
{% macro counted_liquidations() -%}
    event_kind in ('liquidation', 'backstop', 'deleveraging') and liquidated_side in ('long', 'short')
{%- endmacro %}
