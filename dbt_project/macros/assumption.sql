{#-
    An unverified assumption, which no public page or recorded message confirms: the value of the
    variable `name` in dbt_project.yml.

    Arguments: name; values, the allowed ones. Raises a compiler error for any other value.
-#}
{% macro assumption(name, values) -%}
    {%- set value = var(name) -%}
    {%- if value not in values -%}
        {{ exceptions.raise_compiler_error(
            name ~ " is '" ~ value ~ "' in dbt_project.yml; write " ~ values | join(" or ") ~ "."
        ) }}
    {%- endif -%}
    {{ return(value) }}
{%- endmacro %}
