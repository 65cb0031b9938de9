{#-
    What a venue publishes of its liquidations, as `publication` in dbt_project.yml states it: name,
    also_called, first_public and rules.
-#}
{% macro publication_of(venue) -%}
    {%- if venue not in var("publication") -%}
        {{ exceptions.raise_compiler_error(
            venue ~ " is one of the venues of dbt_project.yml, but has no entry under `publication`;"
            ~ " state there what it publishes (docs/add-a-venue.md)"
        ) }}
    {%- endif -%}
    {{ return(var("publication")[venue]) }}
{%- endmacro %}
