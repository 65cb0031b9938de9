-- One row per pair of sources, venue, asset, day and span that both can be compared in: an hour, or the
-- part of a longer bar that is within the day.
{#- The kinds of a venue's own sources, each compared with those after it. -#}
{% set kinds = "'stream', 'rest', 'dump'" %}
{% set pairs = [('stream', 'rest'), ('stream', 'dump'), ('rest', 'dump')] %}
{#- A bar of a day, and the day that it may begin before. -#}
{% set max_bar_seconds, hours_read = 86400, 47 %}

with

sources as (

    select
        hour_at::date as event_date,
        hour_at,
        venue,
        base_asset,
        source_kind,
        events,
        total_usd,
        available_at,

    from {{ ref('int_liquidation_sources_hourly') }}

    where {{ is_of_build_days() }}

),

holds as (

    select
        batch_id,
        venue,

    from {{ source('ops', 'holds') }}

    where released_at is null

),

source_coverage as (

    select
        landed.hour_at,
        landed.venue,
        landed.source_kind,
        max(
            case landed.outcome
                when 'complete' then 1
                when 'partial' then landed.covered_share
                else 0
            end
        ) as covered_share,
        max(batches.sealed_at) as available_at,

    from {{ source('ops', 'venue_hours') }} as landed
    inner join {{ source('ops', 'batches') }} as batches
        on landed.batch_id = batches.batch_id
    anti join holds
        on landed.batch_id = holds.batch_id
        and landed.venue = holds.venue

    where {{ is_of_build_days('landed.hour_at') }}

    group by all

),

coverage as (

    select
        hour_at,
        venue,
        coalesce(covered_share, 0) as covered_share,
        available_at,

    from {{ ref('venue_coverage_hourly') }}

    where {{ is_of_build_days() }}

),

published as (

    select
        hour_at::date as event_date,
        hour_at,
        venue,
        base_asset,
        events,
        total_usd,
        total_usd_mid - total_usd as hidden_usd,
        available_at,

    from {{ ref('liquidations_hourly') }}

    where {{ is_of_build_days() }}

),

prices as (

    select
        hour_at,
        base_asset,
        close_usd,
        available_at,

    from {{ ref('int_asset_prices_hourly') }}

    where hour_at >= {{ first_hour_read(hours_read) }}

),

reported as (

    from {{ ref('reported_liquidations') }}

    where hour_at >= {{ first_hour_read(hours_read) }}
        and bar_seconds between 1 and {{ max_bar_seconds }}
        and (venue is not null or lower(exchange) = 'all')

),

-- Sums in coins are valued at the price of the bar's hour.
bars as (

    select
        reported.source,
        coalesce(reported.venue, 'ALL') as venue,
        reported.base_asset,
        reported.bar_seconds,
        reported.observed_at as from_at,
        reported.observed_at + to_seconds(reported.bar_seconds) as to_at,
        coalesce(
            reported.total_usd, (reported.long_base + reported.short_base) * prices.close_usd
        ) as total_usd,
        greatest(
            reported.available_at, if(reported.total_usd is null, prices.available_at, null)
        ) as available_at,
        unnest(
            list_distinct([
                try_cast(reported.observed_at as date),
                try_cast(
                    reported.observed_at
                    + to_seconds(reported.bar_seconds)
                    - interval 1 second as date
                ),
            ])
        ) as event_date,

    from reported
    left join prices
        on reported.hour_at = prices.hour_at
        and reported.base_asset = prices.base_asset

),

-- Each bar's part of a day, by time; stated is what a sum over the day's bars has.
day_parts as (

    select
        *,
        greatest(from_at, try_cast(event_date as timestamp)) as part_from_at,
        least(to_at, try_cast(event_date as timestamp) + interval 1 day) as part_to_at,
        total_usd * epoch(part_to_at - part_from_at) / bar_seconds as right_usd,
        if(from_at >= event_date, total_usd, 0) as stated_usd,

    from bars

    where total_usd is not null
        and event_date in {{ build_days() }}

),

-- Of bars of several lengths those that cover most of the day, else the shorter ones.
chosen_bars as (

    select
        event_date,
        source,
        venue,
        base_asset,
        bar_seconds,

    from day_parts

    group by event_date, source, venue, base_asset, bar_seconds

    qualify
        row_number() over (
            partition by event_date, source, venue, base_asset
            order by count(distinct from_at) * bar_seconds desc, bar_seconds
        ) = 1

),

spans as (

    select
        day_parts.event_date,
        day_parts.source,
        day_parts.venue,
        day_parts.base_asset,
        day_parts.bar_seconds,
        if(
            day_parts.bar_seconds <= 3600,
            date_trunc('hour', day_parts.part_from_at),
            day_parts.part_from_at
        ) as span_at,
        max(day_parts.part_to_at) as span_to_at,
        sum(try_cast(day_parts.right_usd as decimal(38, 4))) as right_usd,
        sum(try_cast(day_parts.stated_usd as decimal(38, 4))) as stated_usd,
        max(day_parts.available_at) as available_at,

    from day_parts
    inner join chosen_bars
        on day_parts.event_date = chosen_bars.event_date
        and day_parts.source = chosen_bars.source
        and day_parts.venue = chosen_bars.venue
        and day_parts.base_asset = chosen_bars.base_asset
        and day_parts.bar_seconds = chosen_bars.bar_seconds

    group by all

),

span_hours as (

    select
        *,
        unnest(
            generate_series(
                date_trunc('hour', span_at), span_to_at - interval 1 second, interval 1 hour
            )
        ) as hour_at,

    from spans

),

-- Ours by venue, and of all venues for sums over all exchanges.
ours as (

    from published

    union all by name

    select
        event_date,
        hour_at,
        'ALL' as venue,
        base_asset,
        sum(events)::bigint as events,
        sum(total_usd) as total_usd,
        sum(hidden_usd) as hidden_usd,
        max(available_at) as available_at,

    from published

    group by event_date, hour_at, base_asset

),

our_coverage as (

    from coverage

    union all by name

    select
        hour_at,
        'ALL' as venue,
        max(covered_share) as covered_share,
        max(available_at) as available_at,

    from coverage

    group by hour_at

),

uncounted as (

    select
        hour_at,
        venue,
        base_asset,
        total_usd as uncounted_usd,
        available_at,

    from sources

    where source_kind = 'uncounted'

    union all

    select
        hour_at,
        'ALL' as venue,
        base_asset,
        sum(total_usd) as uncounted_usd,
        max(available_at) as available_at,

    from sources

    where source_kind = 'uncounted'

    group by hour_at, base_asset

),

-- Each span with what was published in its hours.
reported_spans as (

    select
        span_hours.event_date,
        span_hours.venue,
        span_hours.base_asset,
        'published' as left_source,
        span_hours.source as right_source,
        span_hours.bar_seconds,
        span_hours.span_at,
        coalesce(sum(ours.total_usd), 0) as left_usd,
        any_value(span_hours.right_usd) as right_usd,
        any_value(span_hours.stated_usd) as stated_usd,
        coalesce(sum(ours.events), 0)::bigint as left_events,
        avg(1 - coalesce(our_coverage.covered_share, 0)) as left_uncovered_share,
        0::double as right_uncovered_share,
        coalesce(sum(ours.hidden_usd), 0) as hidden_usd,
        coalesce(sum(uncounted.uncounted_usd), 0) as uncounted_usd,
        max(
            greatest(
                span_hours.available_at,
                ours.available_at,
                our_coverage.available_at,
                uncounted.available_at
            )
        ) as available_at,

    from span_hours
    left join ours
        on span_hours.hour_at = ours.hour_at
        and span_hours.venue = ours.venue
        and span_hours.base_asset = ours.base_asset
    left join our_coverage
        on span_hours.hour_at = our_coverage.hour_at
        and span_hours.venue = our_coverage.venue
    left join uncounted
        on span_hours.hour_at = uncounted.hour_at
        and span_hours.venue = uncounted.venue
        and span_hours.base_asset = uncounted.base_asset

    group by
        span_hours.event_date,
        span_hours.venue,
        span_hours.base_asset,
        span_hours.source,
        span_hours.bar_seconds,
        span_hours.span_at

),

-- Hours of ours that the source has no bar of.
unreported_spans as (

    select
        ours.event_date,
        ours.venue,
        ours.base_asset,
        'published' as left_source,
        chosen_bars.source as right_source,
        chosen_bars.bar_seconds,
        ours.hour_at as span_at,
        ours.total_usd as left_usd,
        0::decimal(38, 4) as right_usd,
        0::decimal(38, 4) as stated_usd,
        ours.events as left_events,
        0::double as left_uncovered_share,
        1::double as right_uncovered_share,
        0::decimal(38, 4) as hidden_usd,
        0::decimal(38, 4) as uncounted_usd,
        ours.available_at,

    from ours
    inner join chosen_bars
        on ours.event_date = chosen_bars.event_date
        and ours.venue = chosen_bars.venue
        and ours.base_asset = chosen_bars.base_asset
    anti join span_hours
        on ours.hour_at = span_hours.hour_at
        and ours.venue = span_hours.venue
        and ours.base_asset = span_hours.base_asset
        and chosen_bars.source = span_hours.source

),

venue_sources as (

    select distinct
        event_date,
        venue,
        source_kind,

    from sources

    where source_kind in ({{ kinds }})

),

own_pairs as (

    {% for left_source, right_source in pairs -%}
    select
        sources.event_date,
        sources.hour_at,
        sources.venue,
        sources.base_asset,
        '{{ left_source }}' as left_source,
        '{{ right_source }}' as right_source,
        sum(sources.total_usd) filter (where sources.source_kind = '{{ left_source }}')
            as left_usd,
        sum(sources.total_usd) filter (where sources.source_kind = '{{ right_source }}')
            as right_usd,
        sum(sources.events) filter (where sources.source_kind = '{{ left_source }}')
            as left_events,
        sum(sources.events) filter (where sources.source_kind = '{{ right_source }}')
            as right_events,
        max(sources.available_at) as available_at,

    from sources
    semi join venue_sources as on_the_left
        on sources.event_date = on_the_left.event_date
        and sources.venue = on_the_left.venue
        and on_the_left.source_kind = '{{ left_source }}'
    semi join venue_sources as on_the_right
        on sources.event_date = on_the_right.event_date
        and sources.venue = on_the_right.venue
        and on_the_right.source_kind = '{{ right_source }}'

    where sources.source_kind in ('{{ left_source }}', '{{ right_source }}')

    group by sources.event_date, sources.hour_at, sources.venue, sources.base_asset
    {% if not loop.last %}union all{% endif %}

    {% endfor -%}

),

own_spans as (

    select
        own_pairs.event_date,
        own_pairs.venue,
        own_pairs.base_asset,
        own_pairs.left_source,
        own_pairs.right_source,
        3600 as bar_seconds,
        own_pairs.hour_at as span_at,
        coalesce(own_pairs.left_usd, 0) as left_usd,
        coalesce(own_pairs.right_usd, 0) as right_usd,
        coalesce(own_pairs.right_usd, 0) as stated_usd,
        coalesce(own_pairs.left_events, 0)::bigint as left_events,
        coalesce(own_pairs.right_events, 0)::bigint as right_events,
        1 - coalesce(of_left.covered_share, 0) as left_uncovered_share,
        1 - coalesce(of_right.covered_share, 0) as right_uncovered_share,
        0::decimal(38, 4) as hidden_usd,
        0::decimal(38, 4) as uncounted_usd,
        greatest(own_pairs.available_at, of_left.available_at, of_right.available_at)
            as available_at,

    from own_pairs
    left join source_coverage as of_left
        on own_pairs.hour_at = of_left.hour_at
        and own_pairs.venue = of_left.venue
        and own_pairs.left_source = of_left.source_kind
    left join source_coverage as of_right
        on own_pairs.hour_at = of_right.hour_at
        and own_pairs.venue = of_right.venue
        and own_pairs.right_source = of_right.source_kind

),

final as (

    from own_spans

    union all by name
    from reported_spans

    union all by name
    from unreported_spans

)

from final
