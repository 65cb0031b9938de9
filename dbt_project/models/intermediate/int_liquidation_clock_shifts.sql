-- One row per venue and day: by how many minutes its events have to be moved back to come with those of
-- the other venues, and how far that shift, and none, stand out from all shifts.
{#- Up to half an hour by the minute, up to twelve hours by the half hour: clocks that drift, and zones. -#}
{% set near_minutes, far_minutes, step_minutes = 30, 720, 30 %}
{#- Activity that rises and falls together over longer than this says nothing of a shift. -#}
{% set trend_minutes = 15 %}
{#- Around a peak; the other shifts are what chance gives. -#}
{% set peak_minutes = 10 %}

with

minutes as (

    select
        hour_at::date as event_date,
        venue,
        date_diff('minute', date_trunc('day', hour_at), event_at) as minute_of_day,
        max(available_at) as available_at,

    from {{ ref('fct_liquidations') }}

    where {{ is_of_build_days() }}
        and {{ counted_liquidations() }}

    group by all

),

shifts as (

    select unnest(range(-{{ near_minutes }}, {{ near_minutes + 1 }})) as shift_minutes,

    union

    select unnest(
            range(-{{ far_minutes }}, {{ far_minutes + 1 }}, {{ step_minutes }})
        ) as shift_minutes,

),

day_minutes as (

    select unnest(range(1440)) as minute_of_day,

),

venue_days as (

    select
        event_date,
        venue,
        count(*) as active_minutes,
        -- A shift is relative to the other venues of the day.
        max(max(available_at)) over (partition by event_date) as available_at,

    from minutes

    group by event_date, venue

),

active_venues as (

    select
        event_date,
        minute_of_day,
        count(*) as venues,

    from minutes

    group by all

),

-- How many other venues have an event in each minute of the day, less their mean around it.
others as (

    select
        venue_days.event_date,
        venue_days.venue,
        day_minutes.minute_of_day,
        coalesce(active_venues.venues, 0) - if(minutes.minute_of_day is null, 0, 1)
            as other_venues,

    from venue_days
    cross join day_minutes
    left join active_venues
        on venue_days.event_date = active_venues.event_date
        and day_minutes.minute_of_day = active_venues.minute_of_day
    left join minutes
        on venue_days.event_date = minutes.event_date
        and venue_days.venue = minutes.venue
        and day_minutes.minute_of_day = minutes.minute_of_day

),

detrended as (

    select
        event_date,
        venue,
        minute_of_day,
        other_venues,
        -- A decimal, so that its sums do not depend on their order.
        try_cast(
            round(
                other_venues - avg(other_venues) over (
                    partition by event_date, venue
                    order by minute_of_day
                    range between {{ trend_minutes }} preceding and {{ trend_minutes }} following
                ),
                6
            ) as decimal(18, 6)
        ) as excess_venues,

    from others

),

other_days as (

    select
        event_date,
        venue,
        count(*) filter (where other_venues > 0) as other_minutes,

    from detrended

    group by all

),

-- The mean excess of other venues in the venue's own minutes, each moved back by the shift.
by_shift as (

    select
        minutes.event_date,
        minutes.venue,
        shifts.shift_minutes,
        round(sum(coalesce(detrended.excess_venues, 0))::double / count(*), 9) as excess_venues,

    from minutes
    cross join shifts
    left join detrended
        on minutes.event_date = detrended.event_date
        and minutes.venue = detrended.venue
        and minutes.minute_of_day - shifts.shift_minutes = detrended.minute_of_day

    group by all

),

best as (

    select
        event_date,
        venue,
        arg_max(shift_minutes, (excess_venues, -abs(shift_minutes))) as best_shift_minutes,
        max(excess_venues) as best_excess_venues,
        max(excess_venues) filter (where shift_minutes = 0) as unshifted_excess_venues,

    from by_shift

    group by all

),

null_shifts as (

    select
        by_shift.event_date,
        by_shift.venue,
        avg(by_shift.excess_venues) as mean_excess_venues,
        stddev_samp(by_shift.excess_venues) as spread_excess_venues,

    from by_shift
    inner join best
        on by_shift.event_date = best.event_date
        and by_shift.venue = best.venue

    where abs(by_shift.shift_minutes - best.best_shift_minutes) > {{ peak_minutes }}
        and abs(by_shift.shift_minutes) > {{ peak_minutes }}

    group by all

),

final as (

    select
        best.event_date,
        best.venue,
        venue_days.active_minutes,
        other_days.other_minutes,
        best.best_shift_minutes,
        round(
            (best.best_excess_venues - null_shifts.mean_excess_venues)
            / nullif(null_shifts.spread_excess_venues, 0),
            6
        ) as best_deviations,
        round(
            (best.unshifted_excess_venues - null_shifts.mean_excess_venues)
            / nullif(null_shifts.spread_excess_venues, 0),
            6
        ) as unshifted_deviations,
        venue_days.available_at,

    from best
    inner join venue_days
        on best.event_date = venue_days.event_date
        and best.venue = venue_days.venue
    inner join other_days
        on best.event_date = other_days.event_date
        and best.venue = other_days.venue
    inner join null_shifts
        on best.event_date = null_shifts.event_date
        and best.venue = null_shifts.venue

)

from final
