{#-
    The value of a stock at an instant: the last observation of the 15 minutes before it, else the
    first of the minutes after it. The same rule holds at the start and the end of an hour, so an
    hour's end value is the next one's start value.

    Arguments: column, the observed value; instant, an SQL expression. An aggregate over rows with
    `observed_at`; rows in which the column is null are ignored.
-#}
{% macro observed_around(column, instant) -%}
    coalesce(
        arg_max({{ column }}, observed_at) filter (
            where {{ column }} is not null
                and observed_at <= {{ instant }}
                and observed_at >= {{ instant }} - interval {{ instant_minutes_before() }} minute
        ),
        arg_min({{ column }}, observed_at) filter (
            where {{ column }} is not null
                and observed_at > {{ instant }}
                and observed_at <= {{ instant }} + interval {{ instant_minutes_after() }} minute
        )
    )
{%- endmacro %}


{#- 2026-11-22: statistics are published every 5 minutes, and two may be missing. -#}
{% macro instant_minutes_before() -%}
    15
{%- endmacro %}


{#-
    2026-11-25: venues without a history are polled from 20 seconds after the hour; a landing that
    waits for them and pages through fifteen venues takes less than ten minutes.
-#}
{% macro instant_minutes_after() -%}
    10
{%- endmacro %}


{#-
    The observations of a relation for each hour that may use them, as a subquery: their own hour, the
    next one for those of the last minutes, the previous one for those of the first.

    Arguments: relation with hour_at and observed_at; columns, others to pass on.
-#}
{% macro observations_by_hour(relation, columns) -%}
    (
        {% for shift, condition in [
            ("hour_at", none),
            (
                "hour_at + interval 1 hour",
                "observed_at >= hour_at + interval 1 hour - interval "
                ~ instant_minutes_before() ~ " minute",
            ),
            (
                "hour_at - interval 1 hour",
                "observed_at <= hour_at + interval " ~ instant_minutes_after() ~ " minute",
            ),
        ] -%}
        select
            {{ shift }} as hour_at,
            observed_at,
            {%- for column in columns %}
            {{ column }},
            {%- endfor %}

        from {{ relation }}
        {% if condition %}
        where {{ condition }}
        {% endif %}
        {% if not loop.last %}union all{% endif %}
        {% endfor %}
    )
{%- endmacro %}
