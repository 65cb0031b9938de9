{#-
    Which of several sightings of one observation counts, as the tail of an order by: published files
    before answers before frames, then the earliest available, then its place in the raw zone; of the
    same bytes in two batches, those of the first by name. Independent of the order of builds.
-#}
{% macro winning_sighting() -%}
    case source_kind when 'dump' then 1 when 'rest' then 2 else 3 end,
    received_at nulls last,
    raw_object,
    raw_line,
    row_in_line,
    batch_id
{%- endmacro %}
