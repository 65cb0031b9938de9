{#- Schemas are named as they are configured: marts, landed, intermediate, seeds. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
