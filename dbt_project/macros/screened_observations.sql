{#-
    The instrument of an observation, as the CTE `named`: base asset, multiplier, quote and contract
    type from the instrument's listing at that time. The grammar of its symbol is only a fallback: for
    spot; where no listing of the venue names the instrument but another listing or the seed of assets
    names the asset; and where no listing of the venue has landed: then its list of funding intervals
    or a file of recorded data may name the instrument.

    Arguments:
      relation    a CTE of staged rows, of any venue
      spot        SQL condition for rows of spot markets, which no listing of contracts names, even
                  where a contract has the same symbol
    Columns: those of the relation, with venue_asset, quote_asset and contract_type resolved, and
    base_asset, asset_multiplier, listed_contract_size, is_listed, is_unrecognised (the symbol matches
    no grammar) and name_reject_reason (null where the row can be named).
-#}
{% macro named_observations(relation, spot='false') -%}
holds as (

    select distinct
        batch_id,
        venue,
        true as is_held,

    from {{ source('ops', 'holds') }}

    where released_at is null

),

known_assets as (

    select
        base_asset,
        true as is_known,

    from {{ ref('int_known_assets') }}

),

versions as (

    from {{ ref('int_instrument_versions') }}

),

listing_venues as (

    select
        venue,
        true as is_listing,

    from {{ ref('int_listing_venues') }}

),

named_instruments as (

    select
        venue,
        instrument,
        true as is_named,

    from {{ ref('int_named_instruments') }}

),

listed as (

    select
        {{ relation }}.* exclude (venue_asset, quote_asset, contract_type),
        {{ relation }}.venue_asset is null as is_unrecognised,
        {{ relation }}.contract_type as spelled_type,
        versions.instrument is not null as is_listed,
        case
            when is_listed then versions.venue_asset
            when {{ names_by_symbol(relation ~ '.venue') }} then {{ relation }}.venue_asset
        end as venue_asset,
        coalesce(versions.quote_asset, {{ relation }}.quote_asset) as quote_asset,
        coalesce(versions.contract_type, {{ relation }}.contract_type) as contract_type,
        versions.contract_size::double as listed_contract_size,
        coalesce(holds.is_held, false) as is_held,

    from {{ relation }}
    left join versions
        on {{ relation }}.venue = versions.venue
        and {{ relation }}.instrument = versions.instrument
        and {{ relation }}.observed_at >= versions.valid_from
        and ({{ relation }}.observed_at < versions.valid_to or versions.valid_to is null)
        and not ({{ spot }})
    left join holds
        on {{ relation }}.batch_id = holds.batch_id
        and {{ relation }}.venue = holds.venue

),

normalised as (

    select
        *,
        {{ normalised_asset('venue_asset') }} as base_asset,
        {{ asset_multiplier('venue_asset') }} as asset_multiplier,

    from listed

),

named as (

    select
        normalised.* exclude (spelled_type, is_held, reject_reason),
        case
            when normalised.reject_reason is not null then normalised.reject_reason
            when normalised.is_held then 'held'
            when normalised.is_unrecognised and not normalised.is_listed then 'garbled_symbol'
            -- The symbol determines a row's units: one that matches no grammar is treated like the
            -- venue's other symbols, which the listing must confirm.
            when normalised.is_unrecognised
                and coalesce(normalised.spelled_type, '') != coalesce(normalised.contract_type, '')
                then 'garbled_symbol'
            when normalised.is_listed or known_assets.is_known then null
            when normalised.base_asset is not null
                and listing_venues.is_listing is null
                and (named_instruments.is_named or normalised.source_kind in ('dump', 'collector'))
                then null
            else 'no_listing'
        end as name_reject_reason,

    from normalised
    left join known_assets
        on normalised.base_asset = known_assets.base_asset
    left join named_instruments
        on normalised.venue = named_instruments.venue
        and normalised.instrument = named_instruments.instrument
    left join listing_venues
        on normalised.venue = listing_venues.venue

),
{%- endmacro %}


{#-
    Whether a venue's symbols name assets; a predicate. They do, unless the macro
    <venue>__symbols_name_assets in macros/venues/<venue>.sql says that they do not.

    Argument: venue, an expression that gives the venue.
-#}
{% macro names_by_symbol(venue) -%}
    {%- set nameless = [''] -%}
    {%- for named in var('venues') -%}
        {%- set stated = context.get(named ~ '__symbols_name_assets') -%}
        {%- if stated and not stated() -%}
            {%- do nameless.append(named) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ venue }} not in ('{{ nameless | join("', '") }}')
{%- endmacro %}


{#-
    The end of a model of screened observations: why a row is rejected, the raw values of rejected
    rows, and which of several sightings of one observation counts.

    Arguments:
      relation   a CTE with the columns of `named`
      grain      columns of one observation
      screens    reason -> SQL condition that rejects the row, in the order in which they are tried
      values     columns of measured values, kept as text of rejected rows
      kept       other columns of the staged rows
-#}
{% macro screened_observations(relation, grain, screens, values, kept=[]) -%}
judged as (

    select
        *,
        case
            when name_reject_reason is not null then name_reject_reason
            {%- for reason, condition in screens.items() %}
            when {{ condition }} then '{{ reason }}'
            {%- endfor %}
        end as reject_reason,

    from {{ relation }}

),

ranked as (

    select
        *,
        case
            when reject_reason is null then row_number() over (
                partition by reject_reason, {{ grain | join(", ") }}
                order by {{ winning_sighting() }}
            )
        end as sighting_rank,

    from judged

)

select
    batch_id,
    raw_object,
    raw_line,
    row_in_line,
    source_kind,
    received_at,
    sealed_at,
    venue,
    instrument,
    venue_asset,
    quote_asset,
    contract_type,
    base_asset,
    asset_multiplier,
    is_listed,
    is_unrecognised,
    observed_at,
    hour_at,
    {%- for column in kept + values %}
    {{ column }},
    {%- endfor %}
    case
        when reject_reason is not null then coalesce(
            raw_values,
            {{ values_as_text(values) }}
        )
    end as raw_values,
    sighting_rank::integer as sighting_rank,
    reject_reason,

from ranked

-- Stored in order of time, so that a query of a few hours skips the rest of the table.
order by hour_at
{%- endmacro %}


{#- Columns as one JSON object of texts, for people who look at rejected rows. -#}
{% macro values_as_text(columns, suffix='') -%}
    json_object(
        {%- for column in columns %}
        '{{ column }}', {{ column ~ suffix }}::varchar{{ "," if not loop.last }}
        {%- endfor %}
    )::varchar
{%- endmacro %}
