{#-
    The earliest time of public data on a venue's derivatives: the venue's own date where
    `publication` in dbt_project.yml states one (`first_public`), else 2017, before the first public
    statistic of any venue. A SQL expression: a timestamp for a venue's name, a case over the column
    `venue` without one.

    The command line refuses hours before 2017 as well (unwind.landing.land.FIRST_PUBLIC_AT).
-#}
{% macro first_public_at(venue) -%}
    {%- if venue -%}
        {%- set published = var("publication").get(venue, {}) -%}
        timestamp '{{ published.get("first_public", first_public_at_all()) }}'
    {%- else -%}
        case venue
            {%- for one in var("venues") if "first_public" in publication_of(one) %}
            when '{{ one }}' then {{ first_public_at(one) }}
            {%- endfor %}
            else timestamp '{{ first_public_at_all() }}'
        end
    {%- endif -%}
{%- endmacro %}


{% macro first_public_at_all() -%}
    2017-01-01
{%- endmacro %}
