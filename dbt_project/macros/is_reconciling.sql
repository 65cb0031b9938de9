{#-
    Whether a row of int_liquidations_valued does not count itself and is compared with those that do:
    of sources that no key can join, the first one that reports the hour counts; an event received once
    more just after a full hour counts in the hour before. A predicate.

    Arguments: valued and first_sources (int_liquidation_first_sources), as they are named in the query.
-#}
{% macro is_reconciling(valued='valued', first_sources='first_sources') -%}
    (
        {{ valued }}.reject_reason is null
        and (
            {{ valued }}.is_received_before
            or {{ valued }}.source_rank > {{ first_sources }}.first_source_rank
        )
    )
{%- endmacro %}
