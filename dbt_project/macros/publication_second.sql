{#-
    When a venue published an event, by its own clock or by that of our stream, as the second of its
    hour, 0 to 3599; null where neither is known. Published in the second after its hour, an event
    counts in the hour's last.
-#}
{% macro publication_second() -%}
    greatest(0, least(3599, date_diff('second', hour_at, {{ publication_at() }})))
{%- endmacro %}


{#- The instant itself: null for answers and dumps, whose times are those of trades. -#}
{% macro publication_at() -%}
    case when regexp_matches(parser, '_frame@') then received_at end
{%- endmacro %}
