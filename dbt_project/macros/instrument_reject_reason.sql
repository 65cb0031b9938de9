{#-
    Why a row of an instrument list is rejected, or null. For a select that has the columns
    instrument, venue_asset, quote_asset, contract_type and contract_size.

    Argument: entry, the JSON row; null where the answer was no JSON.
-#}
{% macro instrument_reject_reason(entry) -%}
    case
        when {{ entry }} is null then 'unreadable_json'
        when instrument is null or nullif(venue_asset, '') is null or nullif(quote_asset, '') is null
            then 'missing_field'
        when contract_type is null then 'unknown_contract_type'
        when contract_size is null then 'unreadable_number'
        when contract_size <= 0 then 'non_positive_number'
    end
{%- endmacro %}
