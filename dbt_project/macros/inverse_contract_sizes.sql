{#-
    The documented dollars of one inverse contract, where no listing states its size: the join of the
    seed, and its result (null where the seed has neither the asset nor a default for the venue).

    Argument: relation, a CTE with venue and venue_asset.
-#}
{% macro inverse_size_joins(relation) -%}
    left join {{ ref('inverse_contract_sizes') }} as size_of_asset
        on {{ relation }}.venue = size_of_asset.venue
        and {{ relation }}.venue_asset = size_of_asset.venue_asset
    left join {{ ref('inverse_contract_sizes') }} as size_of_others
        on {{ relation }}.venue = size_of_others.venue
        and size_of_others.venue_asset = '*'
{%- endmacro %}


{% macro inverse_size() -%}
    coalesce(size_of_asset.contract_size_usd, size_of_others.contract_size_usd)
{%- endmacro %}
