{#-
    Hours between a settlement and the one before it in the same batch (else the one after it),
    where that is a whole number of hours up to eight; else null: a missing row would make it longer.
    A window expression over the columns batch_id, instrument and observed_at.
-#}
{% macro settlement_gap_hours() -%}
    coalesce(
        {%- for neighbour in [
            "observed_at - max(observed_at) over (partition by batch_id, instrument"
            ~ " order by observed_at range between unbounded preceding and interval 1 minute preceding)",
            "min(observed_at) over (partition by batch_id, instrument"
            ~ " order by observed_at range between interval 1 minute following and unbounded following)"
            ~ " - observed_at",
        ] %}
        case
            when epoch({{ neighbour }}) % 3600 = 0 and epoch({{ neighbour }}) between 3600 and 28800
                then (epoch({{ neighbour }}) / 3600)::double
        end{{ "," if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}
