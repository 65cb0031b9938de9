-- The hours that each funding rate is for. A rate settled at an instant covers the time since the
-- previous settlement. The first of these that is known counts:
--   row          stated by the row itself: by a column, or because its field is a rate of fixed hours
--   settlements  the step from the settlement before, else the step to the next one
--   listing      the venue's listing at that time, never today's
--   venue_default   the venue's documented interval where nothing else is known
-- A missing settlement makes a step longer, never shorter: a step that no neighbour repeats counts only
-- if neither a shorter neighbour nor a listing read within it contradicts it.
-- Built while staging, so that hours whose intervals change are rebuilt with the rest.
{{ config(
    materialized='incremental',
    incremental_strategy='replace_partitions',
    on_schema_change='ignore',
    meta={'partition': 'hour_at', 'rebuilds': 'funding_interval_hours'},
) }}

with

hours as (

    select hour_at,

    from {{ funding_interval_hours() }} as rebuilt

),

documented as (

    select
        venue,
        interval_hours,
        is_default,
        coalesce(valid_from, date '1970-01-01') as valid_from,
        coalesce(valid_to, date '9999-12-31') as valid_to,

    from {{ ref('funding_intervals') }}

),

-- Settlements of venues with one interval add nothing to the documentation.
venues_of_several as (

    select venue,

    from documented

    group by all

    having count(distinct interval_hours) > 1

),

bounds as (

    select
        min(hour_at) - interval {{ var('funding_listing_hours') }} hour as first_hour_at,
        max(hour_at) + interval 24 hour as last_hour_at,

    from hours

),

sightings as (

    select rows_of.*,

    from {{ ref('int_funding_sightings') }} as rows_of
    cross join bounds

    where rows_of.hour_at between bounds.first_hour_at and bounds.last_hour_at

),

listings as (

    select
        rows_of.venue,
        rows_of.instrument,
        rows_of.observed_at,
        -- At one instant the shortest counts, whichever answer had it first.
        min(rows_of.interval_hours) as interval_hours,

    from {{ ref('int_funding_listings') }} as rows_of
    cross join bounds
    inner join documented
        on rows_of.venue = documented.venue
        and rows_of.interval_hours = documented.interval_hours
        and rows_of.observed_at >= documented.valid_from
        and rows_of.observed_at < documented.valid_to

    where rows_of.hour_at between bounds.first_hour_at and bounds.last_hour_at

    group by all

),

settlement_times as (

    select
        venue,
        instrument,
        observed_at as settled_at,

    from sightings

    where is_settled

    union

    -- An announced settlement counts as well, within the range that a venue can announce.
    select
        venue,
        instrument,
        next_funding_at as settled_at,

    from sightings

    where next_funding_at > observed_at - interval 5 minute
        and next_funding_at <= observed_at + interval 485 minute

),

neighbours as (

    select
        settlement_times.venue,
        settlement_times.instrument,
        settlement_times.settled_at,
        lag(settlement_times.settled_at) over (
            partition by settlement_times.venue, settlement_times.instrument
            order by settlement_times.settled_at
        ) as previous_at,
        (epoch(settlement_times.settled_at) - epoch(previous_at)) / 3600 as gap_hours,

    from settlement_times
    inner join venues_of_several on settlement_times.venue = venues_of_several.venue

    -- Settlements are on the full hour; others were announced for another instant.
    where epoch(settlement_times.settled_at) % 3600 = 0

),

-- Only a documented interval is a step.
steps as (

    select
        neighbours.venue,
        neighbours.instrument,
        neighbours.settled_at,
        neighbours.previous_at,
        documented.interval_hours as step_hours,
        lag(documented.interval_hours) over (
            partition by neighbours.venue, neighbours.instrument order by neighbours.settled_at
        ) as previous_step_hours,
        lead(documented.interval_hours) over (
            partition by neighbours.venue, neighbours.instrument order by neighbours.settled_at
        ) as next_step_hours,

    from neighbours
    left join documented
        on neighbours.venue = documented.venue
        and neighbours.gap_hours = documented.interval_hours
        and neighbours.settled_at >= documented.valid_from
        and neighbours.settled_at < documented.valid_to

),

-- The last listing that was read between a settlement and the previous one.
steps_listed as (

    select
        steps.*,
        steps.step_hours is null
            or steps.step_hours in (steps.previous_step_hours, steps.next_step_hours)
            or steps.step_hours < steps.previous_step_hours
            as is_certain,
        if(
            listings.observed_at > steps.previous_at, listings.interval_hours, null
        ) as listed_hours,

    from steps
    asof left join listings
        on steps.venue = listings.venue
        and steps.instrument = listings.instrument
        and steps.settled_at >= listings.observed_at

),

periods as (

    select
        venue,
        instrument,
        settled_at,
        case
            when coalesce(is_certain, false) then step_hours
            -- A listed interval that divides the step: settlements within it are missing.
            when step_hours % listed_hours = 0 then listed_hours
            when step_hours % previous_step_hours = 0 then previous_step_hours
            else step_hours
        end as period_hours,

    from steps_listed

),

-- Where the previous settlement is unknown, the next period is the nearest known one.
settlements as (

    select
        venue,
        instrument,
        settled_at,
        coalesce(
            period_hours,
            lead(period_hours) over (partition by venue, instrument order by settled_at)
        ) as interval_hours,

    from periods

),

-- The interval by any sighting of a rate; of several, by the one whose rate counts. By windows, not by
-- groups: of groups over a union DuckDB expects none, and would compare each with each settlement.
rates as (

    select
        venue,
        instrument,
        min(contract_type) over rate as contract_type,
        observed_at as funding_at,
        is_settled,
        hour_at,
        first_value(interval_hours ignore nulls) over by_place as row_hours,
        first_value(next_funding_at ignore nulls) over by_place as next_funding_at,

    from sightings

    where hour_at in (select hours.hour_at, from hours)

    window
        rate as (partition by venue, instrument, observed_at, is_settled),
        by_place as (
            rate order by {{ winning_sighting() | indent(12) }}
            rows between unbounded preceding and unbounded following
        )

    qualify row_number() over (rate order by {{ winning_sighting() | indent(4) }}) = 1

),

stated as (

    select
        rates.venue,
        rates.instrument,
        '*' || rates.contract_type as others,
        rates.funding_at,
        rates.is_settled,
        rates.hour_at,
        rates.row_hours,
        coalesce(
            if(
                rates.is_settled, date_trunc('minute', rates.funding_at), rates.next_funding_at
            ),
            rates.funding_at
        ) as settles_at,
        documented.interval_hours as documented_row_hours,
        defaults.interval_hours as default_hours,

    from rates
    left join documented
        on rates.venue = documented.venue
        and rates.row_hours = documented.interval_hours
        and rates.funding_at >= documented.valid_from
        and rates.funding_at < documented.valid_to
    left join documented as defaults
        on rates.venue = defaults.venue
        and defaults.is_default
        and rates.funding_at >= defaults.valid_from
        and rates.funding_at < defaults.valid_to

),

-- The settlement of a rate: its own or the announced one, else the next within its period.
with_settlement as (

    select
        stated.*,
        if(
            settlements.settled_at = stated.settles_at
            or not stated.is_settled
            and settlements.settled_at <= stated.funding_at + case
                when settlements.interval_hours between 0 and 24
                    then settlements.interval_hours * interval 1 hour
            end,
            settlements.interval_hours,
            null
        ) as settlement_hours,

    from stated
    asof left join settlements
        on stated.venue = settlements.venue
        and stated.instrument = settlements.instrument
        and stated.settles_at <= settlements.settled_at

),

-- Else, for a running rate, the last period that ended.
with_last_period as (

    select
        with_settlement.*,
        if(
            not with_settlement.is_settled
            and settlements.settled_at >= with_settlement.funding_at - interval 8 hour,
            settlements.interval_hours,
            null
        ) as last_period_hours,

    from with_settlement
    asof left join settlements
        on with_settlement.venue = settlements.venue
        and with_settlement.instrument = settlements.instrument
        and with_settlement.funding_at >= settlements.settled_at

),

with_own_listing as (

    select
        with_last_period.*,
        listings.observed_at as own_listed_at,
        listings.interval_hours as own_listed_hours,

    from with_last_period
    asof left join listings
        on with_last_period.venue = listings.venue
        and with_last_period.instrument = listings.instrument
        and with_last_period.funding_at >= listings.observed_at

),

with_listing_of_others as (

    select
        with_own_listing.*,
        listings.observed_at as others_listed_at,
        listings.interval_hours as others_listed_hours,

    from with_own_listing
    asof left join listings
        on with_own_listing.venue = listings.venue
        and with_own_listing.others = listings.instrument
        and with_own_listing.funding_at >= listings.observed_at

),

-- A rate read soon after a settlement was running then, or began with it.
with_later_listing as (

    select
        with_listing_of_others.*,
        listings.observed_at as later_listed_at,
        listings.interval_hours as later_listed_hours,

    from with_listing_of_others
    asof left join listings
        on with_listing_of_others.venue = listings.venue
        and with_listing_of_others.instrument = listings.instrument
        and with_listing_of_others.funding_at <= listings.observed_at

),

listed as (

    select
        *,
        case
            when greatest(own_listed_at, others_listed_at)
                >= funding_at - interval {{ var('funding_listing_hours') }} hour
                then if(
                    others_listed_at > own_listed_at or own_listed_at is null,
                    others_listed_hours,
                    own_listed_hours
                )
            when later_listed_at <= funding_at + interval 8 hour then later_listed_hours
        end as listed_hours,

    from with_later_listing

),

final as (

    select
        venue,
        instrument,
        funding_at,
        is_settled,
        hour_at,
        case
            when row_hours is not null then documented_row_hours
            else coalesce(settlement_hours, last_period_hours, listed_hours, default_hours)
        end as interval_hours,
        case
            when row_hours is not null then if(documented_row_hours is null, 'unknown', 'row')
            when coalesce(settlement_hours, last_period_hours) is not null then 'settlements'
            when listed_hours is not null then 'listing'
            when default_hours is not null then 'venue_default'
            else 'unknown'
        end as interval_source,

    from listed

)

from final
