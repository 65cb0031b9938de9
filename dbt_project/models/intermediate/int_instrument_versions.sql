-- One row per venue, instrument and unbroken stretch of one observed specification. The first known
-- one holds backwards: contracts seldom change, and the other choice is to value nothing.
{{ config(materialized='table') }}

with

observed as (

    from {{ ref('int_instruments_unioned') }}

),

documented as (

    from {{ ref('documented_contract_sizes') }}

),

-- One specification an instant, whichever batch brought it.
specifications as (

    select
        venue,
        instrument,
        contract_type,
        venue_asset,
        quote_asset,
        contract_size,
        observed_at,

    from observed

    where {{ is_accepted_observation() }}

    qualify
        row_number() over (
            partition by venue, instrument, observed_at order by raw_object, raw_line, row_in_line
        ) = 1

),

changes as (

    select
        *,
        row_number() over (partition by venue, instrument order by observed_at) as ordinal,
        row(contract_type, venue_asset, quote_asset, contract_size) as terms,
        lag(terms) over (partition by venue, instrument order by observed_at) as former_terms,

    from specifications

),

from_snapshots as (

    select
        venue,
        instrument,
        if(ordinal = 1, timestamp '1970-01-01', observed_at) as valid_from,
        lead(observed_at) over (partition by venue, instrument order by observed_at) as valid_to,
        contract_type,
        venue_asset,
        quote_asset,
        contract_size,
        observed_at as first_observed_at,
        'snapshot' as specification_source,

    from changes

    where ordinal = 1
        or terms != former_terms

),

-- Documented sizes stand in for instruments that no snapshot has told of.
from_documents as (

    select
        documented.venue,
        documented.instrument,
        timestamp '1970-01-01' as valid_from,
        null::timestamp as valid_to,
        documented.contract_type,
        documented.venue_asset,
        documented.quote_asset,
        documented.contract_size,
        null::timestamp as first_observed_at,
        documented.source as specification_source,

    from documented
    anti join from_snapshots
        on documented.venue = from_snapshots.venue
        and documented.instrument = from_snapshots.instrument

),

unioned as (

    from from_snapshots
    union all by name
    from from_documents

),

final as (

    select
        venue,
        instrument,
        valid_from,
        valid_to,
        contract_type,
        venue_asset,
        {{ normalised_asset('venue_asset') }} as base_asset,
        {{ asset_multiplier('venue_asset') }} as asset_multiplier,
        quote_asset,
        contract_size::decimal(38, 12) as contract_size,
        first_observed_at,
        specification_source,

    from unioned

)

from final
