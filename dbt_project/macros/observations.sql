{#- Keeps staged rows that are good and not held by the landed gate; a predicate. -#}
{% macro is_accepted_observation() -%}
    reject_reason is null
    and (batch_id, venue) not in (
        select (held.batch_id, held.venue)
        from {{ source("ops", "holds") }} as held
        where held.released_at is null
    )
{%- endmacro %}


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
