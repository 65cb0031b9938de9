{#-
    An unverified assumption: what is taken for true although no public page or message has shown
    it, as the setting `name` under `vars` in dbt_project.yml says.

    Arguments: name; values, all that it may be. Raises a compiler error for any other value.
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
