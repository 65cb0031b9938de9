-- The funding intervals that venues list, at each time of reading: from instrument lists, and from
-- running rates that state them.
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
