{#-
    The earliest time of public data on a venue's derivatives: the venue's own date where its
    <venue>__publication_rules state one (`first_public`, with the source), else 2017, before the
    first public statistic of any venue. A SQL expression: a timestamp for a venue's name, a case
    over the column `venue` without one.

    The command line refuses hours before 2017 as well (unwind.landing.land.FIRST_PUBLIC_AT).
-#}
{% macro first_public_at(venue) -%}
    {%- if venue -%}
        {%- set published = context.get(venue ~ "__publication_rules") -%}
        {%- set first = published().get("first_public") if published else none -%}
        timestamp '{{ first[0] if first else first_public_at_all() }}'
    {%- else -%}
        case venue
            {%- for one in var("venues")
                if "first_public" in context[one ~ "__publication_rules"]() %}
            when '{{ one }}' then {{ first_public_at(one) }}
            {%- endfor %}
            else timestamp '{{ first_public_at_all() }}'
        end
    {%- endif -%}
{%- endmacro %}


{% macro first_public_at_all() -%}
    2017-01-01
{%- endmacro %}
