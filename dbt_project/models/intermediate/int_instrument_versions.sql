-- One row per venue, instrument and unbroken period of one observed specification. The first known
-- one also applies to earlier times: contracts seldom change, and the alternative is to value nothing.
-- While complete listings of the venue lack the instrument, it is not trading.
--
-- A listing is complete where its landing was complete, every row names its instrument, and it has at
-- least half as many as the previous one. Only a complete listing shows that an instrument is gone: one
-- that an import or a partial landing leaves out may still be traded.
{{ config(materialized='table') }}

with

observed as (

    from {{ ref('int_instruments_unioned') }}

),

documented as (

    from {{ ref('documented_contract_sizes') }}

),

holds as (

    select distinct
        batch_id,
        venue,

    from {{ source('ops', 'holds') }}

    where released_at is null

),

complete_landings as (

    select distinct
        batch_id,
        venue,

    from {{ source('ops', 'batch_outcomes') }}

    where status = 'ok'
        and dataset = {{ listing_dataset('venue') }}

),

known as (

    select
        observed.*,
        observed.reject_reason is null as is_specified,
        {{ is_trading_status('observed.status') }} as is_trading,

    from observed
    anti join holds
        on observed.batch_id = holds.batch_id
        and observed.venue = holds.venue

),

listings as (

    select
        known.batch_id,
        known.venue,
        max(known.observed_at) as listed_at,
        max(known.sealed_at) as sealed_at,
        count(distinct known.instrument) as instruments,
        bool_and(known.instrument is not null) as is_readable,

    from known
    inner join complete_landings
        on known.batch_id = complete_landings.batch_id
        and known.venue = complete_landings.venue

    group by all

),

-- 2026-11-25: no recorded listing lost a tenth of its contracts from one hour to the next.
compared as (

    select
        *,
        is_readable
            and instruments * 2
            >= coalesce(lag(instruments) over (partition by venue order by listed_at, batch_id), 0)
            as is_complete_listing,

    from listings

),

complete_listings as (

    select
        batch_id,
        venue,
        listed_at,
        sealed_at,
        row_number() over (partition by venue order by listed_at, batch_id) as listing_number,

    from compared

    where is_complete_listing

),

-- One sighting per instant, of the batch that brought it first.
sightings as (

    select
        known.venue,
        known.instrument,
        known.observed_at,
        known.contract_type,
        known.venue_asset,
        known.quote_asset,
        known.contract_size,
        known.is_trading,
        known.is_specified,
        known.sealed_at,
        complete_listings.listing_number as own_number,

    from known
    left join complete_listings
        on known.batch_id = complete_listings.batch_id
        and known.venue = complete_listings.venue

    where known.instrument is not null

    qualify
        row_number() over (
            partition by known.venue, known.instrument, known.observed_at
            order by
                known.is_specified desc,
                known.raw_object asc,
                known.raw_line asc,
                known.row_in_line asc,
                known.sealed_at asc
        ) = 1

),

-- The number of complete listings before a sighting, and up to and including it.
numbered as (

    select
        *,
        own_number - 1 as listings_before,
        own_number as listings_until,

    from sightings

    where own_number is not null

    union all by name

    select
        sightings.*,
        coalesce(complete_listings.listing_number, 0) as listings_before,
        coalesce(complete_listings.listing_number, 0) as listings_until,

    from sightings
    asof left join complete_listings
        on sightings.venue = complete_listings.venue
        and sightings.observed_at >= complete_listings.listed_at

    where sightings.own_number is null

),

gaps as (

    select
        *,
        listings_before > coalesce(lag(listings_until) over by_instrument, 0) as is_after_gap,

    from numbered

    window by_instrument as (partition by venue, instrument order by observed_at)

),

-- A run is a series of sightings without a complete listing in between that lacks the instrument.
run_numbers as (

    select
        *,
        count_if(is_after_gap) over (
            partition by venue, instrument order by observed_at
        ) as run_number,

    from gaps

),

runs as (

    select
        venue,
        instrument,
        run_number,
        arg_min(listings_before, observed_at) as lacking_before,
        max(listings_until) + 1 as lacking_after,

    from run_numbers

    group by all

),

bounded_runs as (

    select
        runs.venue,
        runs.instrument,
        runs.run_number,
        former.listed_at as lacked_until,
        former.sealed_at as lacked_sealed_at,
        later.listed_at as gone_at,
        later.sealed_at as gone_sealed_at,

    from runs
    left join complete_listings as former
        on runs.venue = former.venue
        and runs.lacking_before = former.listing_number
    left join complete_listings as later
        on runs.venue = later.venue
        and runs.lacking_after = later.listing_number

),

changes as (

    select
        *,
        row(contract_type, venue_asset, quote_asset, contract_size, is_trading) as terms,
        row_number() over (
            partition by venue, instrument, run_number order by observed_at
        ) as ordinal_in_run,
        row_number() over (partition by venue, instrument order by observed_at) as ordinal,
        lag(terms) over (
            partition by venue, instrument, run_number order by observed_at
        ) as former_terms,

    from run_numbers

    where is_specified

),

opened as (

    select
        changes.*,
        bounded_runs.lacked_until,
        bounded_runs.lacked_sealed_at,
        bounded_runs.gone_at,
        bounded_runs.gone_sealed_at,
        case
            when changes.ordinal_in_run > 1 then changes.observed_at
            when bounded_runs.lacked_until is not null then bounded_runs.lacked_until
            else timestamp '1970-01-01'
        end as valid_from,

    from changes
    inner join bounded_runs
        on changes.venue = bounded_runs.venue
        and changes.instrument = bounded_runs.instrument
        and changes.run_number = bounded_runs.run_number

    where changes.ordinal_in_run = 1
        or changes.terms != changes.former_terms

),

closed as (

    select
        *,
        coalesce(lead(valid_from) over in_run, gone_at) as valid_to,
        -- The listing that gives the specification, and those that begin and end it.
        greatest(
            sealed_at,
            if(ordinal_in_run = 1, lacked_sealed_at, null),
            coalesce(lead(sealed_at) over in_run, gone_sealed_at)
        ) as available_at,

    from opened

    window in_run as (partition by venue, instrument, run_number order by observed_at)

),

from_snapshots as (

    select
        venue,
        instrument,
        valid_from,
        valid_to,
        contract_type,
        venue_asset,
        quote_asset,
        contract_size,
        is_trading,
        observed_at as first_observed_at,
        'snapshot' as specification_source,
        available_at,

    from closed

    union all by name

    -- Back to the last complete listing that lacked the instrument.
    select
        venue,
        instrument,
        timestamp '1970-01-01' as valid_from,
        lacked_until as valid_to,
        contract_type,
        venue_asset,
        quote_asset,
        contract_size,
        false as is_trading,
        observed_at as first_observed_at,
        'snapshot' as specification_source,
        greatest(sealed_at, lacked_sealed_at) as available_at,

    from closed

    where ordinal = 1
        and lacked_until is not null

),

-- Documented sizes stand in for instruments that no listing has named. Whether they were traded in
-- an hour is not documented.
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
        null::boolean as is_trading,
        null::timestamp as first_observed_at,
        documented.source as specification_source,
        null::timestamp as available_at,

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
        try_cast(contract_size as decimal(38, 12)) as contract_size,
        is_trading,
        first_observed_at,
        specification_source,
        available_at,

    from unioned

)

from final
