{#-
    The regime of a percentile, an expression: calm, or the higher band that was entered last.

    2026-11-22: halves, then the last fifth and the last twentieth. A band is left 5 points below its
    edge, so that a value near an edge does not flicker. Between the two edges nothing changes, so the
    last crossing decides, and no row needs the regime of the row before it.

    Arguments: `percentile`, an expression, 0 to 100 or null; `replayed`, a window over the row's
    series that ends with the row.
-#}
{% macro stress_regime(percentile, replayed) -%}
    {%- set bands = [('>= 50', '<= 45'), ('>= 80', '<= 75'), ('> 95', '<= 90')] -%}
    case
        when {{ percentile }} is not null
            then ['calm', 'elevated', 'stressed', 'extreme'][
                1
                {%- for enters, leaves in bands %}
                + coalesce(
                    last_value(
                        case
                            when {{ percentile }} {{ enters }} then 1
                            when {{ percentile }} {{ leaves }} then 0
                        end ignore nulls
                    ) over {{ replayed }},
                    0
                )
                {%- endfor %}
            ]
    end
{%- endmacro %}
