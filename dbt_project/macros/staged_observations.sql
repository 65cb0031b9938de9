{#-
    The common end of the staging models of context (open interest, funding, prices, ratios): numbers,
    screening by the row alone, and the partition hour. The instrument's listing resolves its symbol
    (`named_observations`): a symbol that matches no grammar passes here with a null venue_asset.

    Arguments:
      venue          whose grammar of instrument names applies; none: the relation's column `venue`
      relation       a CTE with batch_id, raw_object, raw_line, row_in_line, source_kind (dump, rest,
                     stream), received_at, sealed_at, instrument, observed_at, reject_reason (null
                     where nothing is wrong so far), and the columns named below
      numbers        column -> rule; the columns are text or numbers, and come out as double. Rules:
                     positive, not_negative, rate (between -1 and 1)
      required       columns that must not be null
      kept           other columns that are passed on
      parsed_symbol  SQL expression of the parsed symbol, as from parse_symbol; none: by the venue's
      grammar
      checks         reason -> SQL condition over the parsed columns that rejects the row
-#}
{% macro staged_observations(
    venue, relation, numbers, required, kept=[], checks={}, parsed_symbol=none
) -%}
numbered as (

    select
        * exclude ({{ numbers | join(", ") }}),
        {{ parsed_symbol or parse_symbol(venue, "instrument") }} as parsed_symbol,
        {%- for column in numbers %}
        nullif(trim({{ column }}::varchar), '') as {{ column }}_text,
        try_cast({{ column }}_text as double) as {{ column }},
        {%- endfor %}
        -- Spot is older than derivatives. An hour's tolerance for clocks.
        {%- if "price_kind" in kept %}
        observed_at >= if(
            price_kind = 'spot', {{ first_public_at("any") }}, {{ first_public_at(venue) }}
        )
        {%- else %}
        observed_at >= {{ first_public_at(venue) }}
        {%- endif %}
            and observed_at <= least(coalesce(received_at, sealed_at), sealed_at) + interval 1 hour
            as is_plausible_time,

    from {{ relation }}

),

screened as (

    select
        * exclude (reject_reason),
        case
            when reject_reason is not null then reject_reason
            when instrument is null then 'missing_field'
            when observed_at is null then 'unreadable_time'
            when not is_plausible_time then 'implausible_time'
            {%- for column in required %}
            when {{ column }}{{ "_text" if column in numbers }} is null then 'missing_field'
            {%- endfor %}
            {%- for column, rule in numbers.items() %}
            when {{ column }}_text is not null and ({{ column }} is null or not isfinite({{ column }}))
                then 'unreadable_number'
            -- No supply reaches 1e24 units, not even of coins with eighteen decimals in full.
            when abs({{ column }}) > 1e24 then 'implausible_number'
            {%- if rule == "positive" %}
            when {{ column }} <= 0 then 'non_positive_number'
            {%- elif rule == "not_negative" %}
            when {{ column }} < 0 then 'negative_number'
            {%- elif rule == "rate" %}
            when abs({{ column }}) > 1 then 'implausible_rate'
            {%- endif %}
            {%- endfor %}
            {%- for reason, condition in checks.items() %}
            when {{ condition }} then '{{ reason }}'
            {%- endfor %}
        end as reject_reason,

    from numbered

)

select
    batch_id,
    raw_object,
    raw_line,
    try_cast(row_in_line as integer) as row_in_line,
    source_kind,
    received_at,
    sealed_at,
    {{ "'" ~ venue ~ "' as venue" if venue else "venue" }},
    instrument,
    parsed_symbol.venue_asset as venue_asset,
    parsed_symbol.quote_asset as quote_asset,
    parsed_symbol.contract_type as contract_type,
    observed_at,
    date_trunc(
        'hour', if(coalesce(is_plausible_time, false), observed_at, coalesce(received_at, sealed_at))
    ) as hour_at,
    {%- for column in kept %}
    {{ column }},
    {%- endfor %}
    {%- for column in numbers %}
    {{ column }},
    {%- endfor %}
    -- The values of a rejected row, for people who look at it.
    case when reject_reason is not null then {{ values_as_text(numbers, '_text') }} end as raw_values,
    reject_reason,

from screened
{%- endmacro %}


{#- Whether a period had not ended when it was received, so that it may still change; a predicate. -#}
{% macro is_unfinished(ended_at) -%}
    {{ ended_at }} > coalesce(received_at, sealed_at)
{%- endmacro %}
