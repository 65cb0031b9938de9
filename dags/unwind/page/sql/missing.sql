with

reasons as (

    select
        coverage.venue, coverage.landing_outcome, coverage.hour_at,
        string_agg(
            distinct if(landings.is_held, landings.hold_reason, landings.detail), ' '
            order by if(landings.is_held, landings.hold_reason, landings.detail)
        ) as detail
    from venue_coverage_hourly as coverage
    left join landing_outcomes as landings
        on landings.venue = coverage.venue and landings.dataset = 'liquidations'
        and coverage.hour_at >= landings.covers_from_at
        and coverage.hour_at < landings.covers_to_at
        and (landings.status <> 'ok' or landings.is_held)
    where {last_168_hours}
        and not coverage.is_complete
    group by all

)

select
    venue, landing_outcome, count(*) as hours, min(hour_at) as first_hour_at,
    max(hour_at) as last_hour_at, detail
from reasons
group by all
order by last_hour_at desc, venue, first_hour_at
limit 60
