{#-
    The common end of every stg_<venue>__instruments: screening, the normalised asset, and when the
    specification was observed, which is the time of receipt.

    Arguments: venue; relation, a CTE with batch_id, raw_object, raw_line, row_in_line, received_at,
    sealed_at, reject_reason (null where nothing is wrong so far), instrument, contract_type
    (linear, inverse, quanto), venue_asset, quote_asset, contract_size (units of venue_asset if
    linear, USD if inverse; text or number), status (the venue's word), listed_at.
-#}
{% macro staged_instruments(venue, relation) -%}
sized as (

    select
        * replace (try_cast(contract_size as decimal(38, 12)) as contract_size),

    from {{ relation }}

)

select
    batch_id,
    raw_object,
    raw_line,
    try_cast(row_in_line as integer) as row_in_line,
    received_at,
    sealed_at,
    '{{ venue }}' as venue,
    instrument,
    contract_type,
    venue_asset,
    {{ normalised_asset('venue_asset') }} as base_asset,
    quote_asset,
    contract_size,
    lower(status) as status,
    listed_at,
    coalesce(received_at, sealed_at) as observed_at,
    date_trunc('hour', coalesce(received_at, sealed_at)) as hour_at,
    case
        when reject_reason is not null then reject_reason
        when instrument is null or nullif(venue_asset, '') is null or nullif(quote_asset, '') is null
            then 'missing_field'
        when coalesce(contract_type, '') not in ('linear', 'inverse', 'quanto')
            then 'unknown_contract_type'
        when contract_size is null then 'unreadable_number'
        when contract_size <= 0 then 'non_positive_number'
    end as reject_reason,

from sized
{%- endmacro %}
