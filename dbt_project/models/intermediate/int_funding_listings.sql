-- What venues list as a contract's funding interval, each time that it was read: instrument lists, and the
-- running rates that state it.
with

listed as (

    from {{ ref('int_listed_funding_intervals') }}

),

running as (

    from {{ ref('int_funding_sightings') }}

    where not is_settled
        and interval_hours is not null

),

unioned as (

    select
        batch_id,
        venue,
        instrument,
        observed_at,
        interval_hours,
        hour_at,

    from listed

    union all

    select
        batch_id,
        venue,
        instrument,
        observed_at,
        interval_hours,
        hour_at,

    from running

)

from unioned
