-- One row per venue, base_asset and unbroken span of time in which the venue lists a trading
-- instrument of it. A venue's first listing holds backwards: what it lists did not begin with the
-- first landing. What a later listing adds is listed from there on.
{{ config(materialized='table') }}

with

versions as (

    select
        venue,
        base_asset,
        valid_from,
        coalesce(valid_to, timestamp '9999-12-31') as valid_to,
        first_observed_at,

    from {{ ref('int_instrument_versions') }}

    where specification_source = 'snapshot'
        and base_asset is not null

),

first_listings as (

    select
        venue,
        date_trunc('hour', min(first_observed_at)) as first_hour_at,

    from versions

    group by all

),

spans as (

    select distinct
        versions.venue,
        versions.base_asset,
        case
            when date_trunc('hour', versions.first_observed_at) = first_listings.first_hour_at
                then versions.valid_from
            else versions.first_observed_at
        end as listed_from,
        versions.valid_to as listed_to,

    from versions
    inner join first_listings
        on versions.venue = first_listings.venue

),

reached as (

    select
        venue,
        base_asset,
        listed_from,
        listed_to,
        max(listed_to) over (
            partition by venue, base_asset
            order by listed_from, listed_to
            rows between unbounded preceding and 1 preceding
        ) as listed_before_to,

    from spans

),

-- Spans that touch or overlap are one: they share a number.
numbered as (

    select
        venue,
        base_asset,
        listed_from,
        listed_to,
        count(*) filter (where listed_before_to is null or listed_before_to < listed_from) over (
            partition by venue, base_asset
            order by listed_from, listed_to
            rows between unbounded preceding and current row
        ) as span_number,

    from reached

),

final as (

    select
        venue,
        base_asset,
        min(listed_from) as listed_from,
        max(listed_to) as listed_to,

    from numbered

    group by venue, base_asset, span_number

)

from final
