with

liquidations as (

    select
        date_trunc('minute', event_at) as minute_at,
        hour_at,
        venue,
        base_asset,
        liquidated_side,
        notional_usd,

    from {{ ref('fct_liquidations') }}

    where {{ counted_liquidations() }}
        and hour_at in {{ build_hours() }}

),

publication_rules as (

    select
        venue,
        publication_rule,
        coalesce(valid_from, timestamp '-infinity') as valid_from,
        coalesce(valid_to, timestamp 'infinity') as valid_to,

    from {{ ref('dim_venues') }}

),

feed_hours as (

    from {{ ref('int_feed_hours') }}

    where hour_at in {{ build_hours() }}

),

minutely as (

    select
        minute_at,
        hour_at,
        venue,
        base_asset,
        coalesce(sum(notional_usd) filter (where liquidated_side = 'long'), 0) as long_usd,
        coalesce(sum(notional_usd) filter (where liquidated_side = 'short'), 0) as short_usd,
        sum(notional_usd) as total_usd,
        count(*) filter (where liquidated_side = 'long') as long_events,
        count(*) filter (where liquidated_side = 'short') as short_events,
        count(*) as events,
        max(notional_usd) as largest_usd,

    from liquidations

    group by all

),

venue_minutes as (

    select distinct
        minute_at,
        venue,

    from minutely

),

-- Any rule in force in the minute that is not 'full' makes the minute's sums lower bounds.
published_minutes as (

    select
        venue_minutes.minute_at,
        venue_minutes.venue,
        bool_or(publication_rules.publication_rule != 'full') as is_lower_bound,

    from venue_minutes
    inner join publication_rules
        on venue_minutes.venue = publication_rules.venue
        and venue_minutes.minute_at + interval 1 minute > publication_rules.valid_from
        and venue_minutes.minute_at < publication_rules.valid_to

    group by all

),

final as (

    select
        minutely.minute_at,
        minutely.hour_at,
        minutely.venue,
        minutely.base_asset,
        minutely.long_usd,
        minutely.short_usd,
        minutely.total_usd,
        minutely.long_events,
        minutely.short_events,
        minutely.events,
        minutely.largest_usd,
        published_minutes.is_lower_bound,
        feed_hours.feed_up,

    from minutely
    left join published_minutes
        on minutely.minute_at = published_minutes.minute_at
        and minutely.venue = published_minutes.venue
    left join feed_hours
        on minutely.hour_at = feed_hours.hour_at
        and minutely.venue = feed_hours.venue

)

select *,

from final

order by minute_at
