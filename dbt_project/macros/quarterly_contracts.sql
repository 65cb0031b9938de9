{#-
    The expiry of the quarterly contract that is current at an instant (quarters_ahead 0), or of the
    next one (1): 08:00 UTC on the last Friday of March, June, September or December. A timestamp.

    Arguments: instant, a timestamp expression; quarters_ahead, an integer expression.
-#}
{% macro quarterly_expiry_at(instant, quarters_ahead) -%}
    {{ last_friday_of_quarter(
        instant ~ " + to_months(3 * (" ~ quarters_ahead ~ " + if("
        ~ instant ~ " >= " ~ last_friday_of_quarter(instant) ~ ", 1, 0)))"
    ) }}
{%- endmacro %}


{#- 08:00 on the last Friday of the quarter that holds an instant (a timestamp expression). -#}
{% macro last_friday_of_quarter(instant) -%}
    {%- set quarter_end = "(date_trunc('quarter', " ~ instant ~ ") + interval 3 month - interval 1 day)" -%}
    ({{ quarter_end }} - to_days(try_cast((isodow({{ quarter_end }}) + 2) % 7 as integer)) + interval 8 hour)
{%- endmacro %}
