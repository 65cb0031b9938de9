{#-
    A staging model of what a venue does not publish without a key: no rows, in a model's shape.

    Argument: like, the name of another venue's model of the same dataset.
-#}
{% macro no_observations(like) -%}
    {{ config(materialized='ephemeral') }}
    from {{ ref(like) }}

    where false
{%- endmacro %}
