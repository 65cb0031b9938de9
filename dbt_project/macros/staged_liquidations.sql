{#-
    A number in one notation, so that 46759 and 46759.0 make one key; null becomes an empty part. The
    number goes through a double: venues publish at most 15 significant digits.
-#}
{% macro number_key(column) -%}
    coalesce(try_cast({{ column }} as double)::varchar, '')
{%- endmacro %}


{#-
    Text as decimal(38, 12), null where it is not a number. Parsing such a wide decimal takes thirty
    times as long as a narrow one, so numbers that fit a narrow one go through it.
-#}
{% macro wide_decimal(column) -%}
    case
        when not contains(lower({{ column }}), 'e')
            and (
                length({{ column }}) <= 9
                or strpos({{ column }}, '.') between 1 and 10
                and length({{ column }}) - strpos({{ column }}, '.') <= 8
            )
            then try_cast(try_cast({{ column }} as decimal(18, 8)) as decimal(38, 12))
        else try_cast({{ column }} as decimal(38, 12))
    end
{%- endmacro %}


{#-
    The common end of every stg_<venue>__liquidations: numbers, screening by the row alone, the number
    of an occurrence among identical ones and the partition hour.

    `relation` names a CTE with: batch_id, raw_object, raw_line, row_in_line (1-based place of the
    row in its line), parser (format and version), source_kind (stream, dump, rest, collector),
    line_class (row, or header, log_line, other: not a row), received_at, is_import, sealed_at,
    instrument, contract_type, venue_asset, quote_asset, contract_size (by the symbol's grammar;
    null where only an instrument snapshot states it), event_kind, liquidated_side, event_at,
    event_at_source, published_at (when the venue published the row, as the message states it; null
    where it does not), raw_side, raw_quantity, raw_quantity_unit (base, contracts, usd, quote),
    raw_price, valued_price (text of the price that values it), price_kind, order_key, natural_key
    (without ordinal), dedup_scope (within which identical rows are separate events, where the venue's
    publication rule allows any: see can_have_identical_events), copies_per_row (how often a source
    writes each row), reject_reason.
    `settle_asset` is the asset that a quanto contract pays in, and so the asset of its value.
    `sources_agree` is false where REST and stream report one event in ways that no key can join: in
    an hour that REST covers, the stream only reconciles. `source_rank` sets a source's rank; the first
    that reports a venue's hour counts. Without a `venue` it is a column of the relation.
    `rows_in_scope` is a column that says how many rows a row's dedup scope has: where it has one, the row
    need not be compared with others.
-#}
{% macro staged_liquidations(
    venue, relation, settle_asset=none, sources_agree=true, source_rank=none, rows_in_scope='null'
) -%}
{%- set is_one_of_several = "(copies_per_row != 1 or " ~ rows_in_scope ~ " is distinct from 1)" -%}
{%- set may_repeat = can_have_identical_events(venue, 'event_at', 'source_kind') | trim -%}
{#- Two conditions, the first of which needs no field of the row. -#}
{%- set is_compared = is_one_of_several ~ " and (copies_per_row != 1 or (" ~ may_repeat ~ "))" -%}
{%- set are_all_numbered = may_repeat == "true" and rows_in_scope == "null" -%}
numbered as {{ "not " if not are_all_numbered }}materialized (

    select
        *,
        {{ wide_decimal('raw_quantity') }} as quantity,
        {{ wide_decimal('valued_price') }} as price_usd,
        -- An hour's tolerance for clocks.
        case
            when event_at >= {{ first_public_at(venue) }}
                and event_at <= least(coalesce(received_at, sealed_at), sealed_at) + interval 1 hour
                then event_at
        end as plausible_event_at,
        -- A venue publishes after the event; a minute's tolerance for its two clocks.
        case
            when published_at >= plausible_event_at - interval 1 minute
                and published_at <= sealed_at + interval 1 hour
                then published_at
        end as plausible_published_at,

    from {{ relation }}

),

screened as {{ materialized_if_few() ~ " " if not are_all_numbered }}(

    select
        * exclude (event_at, published_at, reject_reason),
        plausible_event_at as event_at,
        plausible_published_at as published_at,
        case
            when line_class != 'row' then null
            when reject_reason is not null then reject_reason
            when instrument is null or natural_key is null then 'missing_field'
            when coalesce(venue_asset, '') = '' then 'garbled_symbol'
            when coalesce(quote_asset, '') = '' then 'unknown_symbol'
            when liquidated_side is null then 'unknown_side'
            when coalesce(event_kind, '') not in ('{{ event_kinds() | join("', '") }}')
                then 'unknown_event_kind'
            when event_at is null then 'unreadable_event_time'
            when plausible_event_at is null then 'implausible_event_time'
            when quantity is null then 'unreadable_quantity'
            when quantity <= 0 then 'non_positive_quantity'
            when price_usd is null then 'unreadable_price'
            when price_usd <= 0 then 'non_positive_price'
            when contract_size <= 0 then 'non_positive_contract_size'
        end as reject_reason,

    from numbered

),

-- Rows that a source writes several times have their own count: half of an even number.
occurrences as (

    select
        *,
        try_cast(
            ceil(
                row_number() over (
                    partition by batch_id, raw_object, dedup_scope, natural_key
                    order by raw_line, row_in_line
                ) / copies_per_row
            ) as integer
        ) as occurrence_number,

    from screened
    {%- if not are_all_numbered %}

    where {{ is_compared }}

    -- The others are one event each, without being sorted.
    union all by name

    select
        *,
        1 as occurrence_number,

    from screened

    where not ({{ is_compared }})
    {%- endif %}

)

select
    batch_id,
    raw_object,
    raw_line,
    try_cast(row_in_line as integer) as row_in_line,
    parser,
    source_kind,
    {{ source_rank or ("1" if sources_agree else "if(source_kind = 'stream', 2, 1)") }} as source_rank,
    line_class,
    received_at,
    sealed_at,
    {{ "'" ~ venue ~ "' as venue" if venue else "venue" }},
    instrument,
    contract_type,
    venue_asset,
    quote_asset,
    try_cast(contract_size as decimal(38, 12)) as contract_size,
    {{ "'" ~ settle_asset ~ "'" if settle_asset else "null::varchar" }} as settle_asset,
    event_kind,
    liquidated_side,
    event_at,
    event_at_source,
    published_at,
    date_trunc('hour', coalesce(event_at, sealed_at)) as hour_at,
    raw_side,
    raw_quantity,
    raw_quantity_unit,
    raw_price,
    quantity,
    price_usd,
    price_kind,
    order_key,
    case when reject_reason is null then natural_key end as natural_key,
    case when line_class = 'row' and reject_reason is null then occurrence_number end
        as occurrence_number,
    reject_reason,

from occurrences
{%- endmacro %}


{#- The kinds of forced closes; macros/counted_liquidations.sql says which count in totals. -#}
{% macro event_kinds() -%}
    {{ return([
        'liquidation', 'backstop', 'deleveraging', 'adl', 'vault_unwind', 'assignment',
        'termination', 'bankruptcy_settlement',
    ]) }}
{%- endmacro %}
