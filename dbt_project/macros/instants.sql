{#-
    What a measured stock was at an instant: the last observation of the 15 minutes up to it, else
    the first of the minutes after it. An hour's start and its end are instants like any other, so
    an hour ends with what the next one starts with.

    Arguments: column, what was observed; instant, an SQL expression. An aggregate over rows with
    `observed_at`; rows in which the column is null are passed over.
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


{#- 2026-11-22: statistics come every 5 minutes and may miss two; older is another time of day. -#}
{% macro instant_minutes_before() -%}
    15
{%- endmacro %}


{#-
    2026-11-25: venues without a history are polled once the hour is over, from 20 seconds on; a
    landing that waits for them and pages through fifteen venues takes minutes, not ten.
-#}
{% macro instant_minutes_after() -%}
    10
{%- endmacro %}


{#-
    The observations of a relation under each hour that may use them, as a subquery: the hour they
    were made in, the next one if they are of its last minutes, the former one if of its first.

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
