-- The sentences of a report on liquidations: one hour's figures from the marts that have them, as
-- columns and as text (macros brief_words). It computes little of its own: which is the largest.
{#- Clusters within this many percent of the price are named. #}
{%- set cluster_reach_percent = 5 %}
{#- The falls of the price, in percent, for which the liquidations that follow are given. #}
{%- set falls = [1, 3, 5] %}
{%- set places = ['largest', 'second', 'third'] %}
{%- set warnings = [
    ('recovery_divergence', 'rising long liquidations without a recovery'),
    ('range_divergence', 'rising liquidations in narrowing ranges'),
] %}
{{ config(post_hook="{{ prune_as_of_hours() }}") }}

with

imbalances as (

    select
        hour_at,
        base_asset,
        long_1h_usd as long_usd,
        long_1h_usd_low as long_usd_low,
        long_1h_usd_mid as long_usd_mid,
        long_1h_usd_high as long_usd_high,
        short_1h_usd as short_usd,
        short_1h_usd_low as short_usd_low,
        short_1h_usd_mid as short_usd_mid,
        short_1h_usd_high as short_usd_high,
        long_dominance_1h as long_share,
        round((1 + imbalance_1h_low) / 2, 6) as long_share_low,
        round((1 + imbalance_1h_high) / 2, 6) as long_share_high,
        has_unestimated_part_1h as has_unestimated_part,
        is_lower_bound_1h as is_lower_bound,
        is_incomplete_1h as is_incomplete,
        case
            when long_1h_usd + short_1h_usd = 0 then 'none'
            when long_1h_usd > short_1h_usd then 'long'
            when short_1h_usd > long_1h_usd then 'short'
            when long_1h_usd = short_1h_usd then 'even'
        end as dominant_side,
        available_at,

    from {{ ref('liquidation_imbalance_hourly') }}

    where hour_at >= {{ first_hour_read(1) }}

),

stress as (

    select
        hour_at,
        base_asset,
        score,
        score_percentile,
        regime,
        available_at,

    from {{ ref('stress_hourly') }}

    where hour_at >= {{ first_hour_read(1) }}

),

classes as (

    select
        hour_at,
        base_asset,
        unwind_class,
        deciding_rule,
        is_staged,
        episodes_7d,
        stages_7d,
        oi_change_24h_share,
        forced_ratio_high,
        available_at,

    from {{ ref('unwind_classification') }}

    where hour_at >= {{ first_hour_read(1) }}

),

divergences as (

    select
        hour_at,
        base_asset,
        recovery_divergence,
        range_divergence,
        any_divergence,
        range_tau < 0 and range_p_value < trend_p_threshold as is_range_narrowing,
        close_usd,
        available_at,

    from {{ ref('divergence_hourly') }}

    where hour_at >= {{ first_hour_read(1) }}

),

breakdown as (

    select
        hour_at,
        base_asset,
        venue,
        total_usd,
        total_usd_low,
        total_usd_high,
        share,
        is_ranking_open,
        is_lower_bound,
        complete_hours > 0 as is_complete,
        venues_expected,
        venues_reporting,
        available_at,

    from {{ ref('exchange_breakdown') }}

    where window_hours = 1
        and hour_at in {{ as_of_build_hours() }}

),

coverage as (

    select
        hour_at,
        venue,
        is_covered,

    from {{ ref('venue_coverage_hourly') }}

    where hour_at in {{ as_of_build_hours() }}

),

venues as (

    select
        venue,
        any_value(venue_name) as venue_name,

    from {{ ref('dim_venues') }}

    group by all

),

clusters as (

    from {{ ref('liquidation_clusters') }}

    where hour_at in {{ as_of_build_hours() }}

),

levels as (

    select
        hour_at,
        base_asset,
        liquidated_side,
        price_bucket,
        bucket_low_usd,
        bucket_high_usd,
        mass_usd,
        mass_low_usd,
        mass_high_usd,
        distance_percent,
        available_at,

    from {{ ref('liquidation_map') }}

    where hour_at in {{ as_of_build_hours() }}

),

-- What falls of the price would liquidate: hour_at, base_asset or ALL (each asset falling as far),
-- drop_percent, forced_usd with its ends.
waves as (

    select
        hour_at,
        case
            when grouping(base_asset) = 1 then 'ALL' else base_asset
        end as base_asset,
        drop_percent,
        {%- for end in ['', '_low', '_high'] %}
        round(sum(try_cast(forced_usd{{ end }} as decimal(38, 4)))::double, 4)
            as forced{{ end }}_usd,
        {%- endfor %}
        max(available_at) as available_at,

    from {{ ref('liquidation_wave') }}

    where drop_percent in ({{ falls | join(', ') }})
        and hour_at in {{ as_of_build_hours() }}

    group by hour_at, drop_percent, rollup(base_asset)

),

falls as (

    select
        hour_at,
        base_asset,
        {%- for percent in falls %}
        {%- for end in ['', '_low', '_high'] %}
        max(forced{{ end }}_usd) filter (where drop_percent = {{ percent }})
            as fall_{{ percent }}_percent{{ end }}_usd,
        {%- endfor %}
        {%- endfor %}
        max(available_at) as available_at,

    from waves

    group by all

),

largest_levels as (

    select *,

    from levels

    where liquidated_side = 'long'

    qualify row_number() over (
        partition by hour_at, base_asset order by mass_usd desc, price_bucket desc
    ) = 1

),

-- Kinds of price at the market share their buckets.
cluster_sums as (

    select
        hour_at,
        base_asset,
        price_bucket,
        bucket_low_usd,
        bucket_high_usd,
        sum(long_30d_usd) as long_30d_usd,
        any_value(distance_to_spot_percent) as distance_to_spot_percent,
        any_value(nearest_swing_low_usd) as nearest_swing_low_usd,
        any_value(distance_to_swing_low_percent) as distance_to_swing_low_percent,

    from clusters

    where is_market_price
        and abs(distance_to_spot_percent) <= {{ cluster_reach_percent }}

    group by
        hour_at,
        base_asset,
        price_bucket,
        bucket_low_usd,
        bucket_high_usd

),

largest_clusters as (

    select *,

    from cluster_sums

    where long_30d_usd > 0

    qualify row_number() over (
        partition by hour_at, base_asset order by long_30d_usd desc, price_bucket desc
    ) = 1

),

cluster_times as (

    select
        hour_at,
        base_asset,
        max(available_at) as available_at,

    from clusters

    group by all

),

all_venues as (

    from breakdown

    where venue = 'ALL'

),

placed as (

    select
        breakdown.*,
        venues.venue_name,
        coalesce(coverage.is_covered, false) as is_covered,
        row_number() over (
            partition by breakdown.hour_at, breakdown.base_asset
            order by breakdown.total_usd desc nulls last, breakdown.venue asc
        ) as place,

    from breakdown
    left join venues
        on breakdown.venue = venues.venue
    left join coverage
        on breakdown.hour_at = coverage.hour_at
        and breakdown.venue = coverage.venue

    where breakdown.venue != 'ALL'

),

venue_words as (

    select
        hour_at,
        base_asset,
        {%- for place in places %}
        {%- set condition = 'where place = ' ~ loop.index ~ ' and total_usd > 0' %}
        any_value(venue) filter ({{ condition }}) as {{ place }}_venue,
        any_value(total_usd) filter ({{ condition }}) as {{ place }}_venue_usd,
        any_value(total_usd_low) filter ({{ condition }}) as {{ place }}_venue_usd_low,
        any_value(total_usd_high) filter ({{ condition }}) as {{ place }}_venue_usd_high,
        any_value(share) filter ({{ condition }}) as {{ place }}_venue_share,
        {%- endfor %}
        any_value(is_ranking_open) filter (where place = 1 and total_usd > 0)
            as is_largest_venue_open,
        list(
            venue_name || ' with ' || if(is_lower_bound, 'at least ', '')
            || {{ usd_words('total_usd') }} || ' (' || {{ share_words('share') }} || ')'
            order by place
        ) filter (where place <= {{ places | length }} and total_usd > 0) as largest_words,
        {%- for name, condition in [
            ('missing', 'not is_covered and total_usd is null'),
            ('partial', 'not is_complete and (is_covered or total_usd is not null)'),
            ('lower_bound', 'is_complete and is_lower_bound'),
        ] %}
        coalesce(string_agg(venue, ', ' order by venue) filter (where {{ condition }}), '')
            as {{ name }}_venue_list,
        list(venue_name order by venue) filter (where {{ condition }}) as {{ name }}_words,
        {%- endfor %}

    from placed

    group by all

),

joined as (

    select
        imbalances.* exclude (available_at),
        all_venues.venues_expected,
        all_venues.venues_reporting,
        venue_words.* exclude (hour_at, base_asset),
        divergences.close_usd,
        largest_clusters.bucket_low_usd as cluster_low_usd,
        largest_clusters.bucket_high_usd as cluster_high_usd,
        largest_clusters.long_30d_usd as cluster_long_30d_usd,
        largest_clusters.distance_to_spot_percent as cluster_distance_to_spot_percent,
        largest_clusters.nearest_swing_low_usd as cluster_swing_low_usd,
        largest_clusters.distance_to_swing_low_percent as cluster_distance_to_swing_low_percent,
        largest_levels.bucket_low_usd as level_low_usd,
        largest_levels.bucket_high_usd as level_high_usd,
        largest_levels.mass_usd as level_mass_usd,
        largest_levels.mass_low_usd as level_mass_low_usd,
        largest_levels.mass_high_usd as level_mass_high_usd,
        largest_levels.distance_percent as level_distance_percent,
        falls.* exclude (hour_at, base_asset, available_at),
        classes.* exclude (hour_at, base_asset, available_at),
        stress.* exclude (hour_at, base_asset, available_at),
        divergences.recovery_divergence,
        divergences.range_divergence,
        divergences.any_divergence,
        divergences.is_range_narrowing,
        imbalances_before.dominant_side as previous_dominant_side,
        classes_before.unwind_class as previous_unwind_class,
        stress_before.regime as previous_regime,
        divergences_before.recovery_divergence as previous_recovery_divergence,
        divergences_before.range_divergence as previous_range_divergence,
        greatest(
            imbalances.available_at,
            imbalances_before.available_at,
            all_venues.available_at,
            cluster_times.available_at,
            stress.available_at,
            stress_before.available_at,
            divergences.available_at,
            divergences_before.available_at,
            classes.available_at,
            classes_before.available_at,
            falls.available_at,
            largest_levels.available_at
        ) as available_at,

    from imbalances
    {%- for table in [
        'all_venues', 'venue_words', 'divergences', 'largest_clusters', 'cluster_times',
        'largest_levels', 'falls', 'classes', 'stress',
    ] %}
    left join {{ table }}
        on imbalances.hour_at = {{ table }}.hour_at
        and imbalances.base_asset = {{ table }}.base_asset
    {%- endfor %}
    {%- for table in ['imbalances', 'classes', 'stress', 'divergences'] %}
    left join {{ table }} as {{ table }}_before
        on imbalances.hour_at - interval 1 hour = {{ table }}_before.hour_at
        and imbalances.base_asset = {{ table }}_before.base_asset
    {%- endfor %}

    where imbalances.hour_at in {{ as_of_build_hours() }}

),

-- Only what is known in both hours can have changed.
compared as (

    select
        *,
        list_filter(
            [
                {%- for name, words in [
                    ('regime', 'the regime'), ('unwind_class', 'the classification'),
                    ('dominant_side', 'the dominant side'),
                ] %}
                case
                    when {{ name }} != previous_{{ name }}
                        then '{{ words }} went from ' || previous_{{ name }} || ' to '
                            || {{ name }}
                end,
                {%- endfor %}
                {%- for name, words in warnings %}
                case
                    when {{ name }} and not previous_{{ name }}
                        then 'the warning of {{ words }} was raised'
                    when not {{ name }} and previous_{{ name }}
                        then 'the warning of {{ words }} was withdrawn'
                end{% if not loop.last %},{% endif %}
                {%- endfor %}
            ],
            lambda words: words is not null
        ) as changes,
        coalesce(
            {%- for name in [
                'regime', 'unwind_class', 'dominant_side', 'recovery_divergence',
                'range_divergence',
            ] %}
            {{ name }} = previous_{{ name }}{% if not loop.last %},{% endif %}
            {%- endfor %}
        ) is not null as is_comparable,

    from joined

),

worded as (

    select
        *,
        if(base_asset = 'ALL', '', base_asset || ' ') as asset_words,
        if(base_asset = 'ALL', '', ' in ' || base_asset) as in_asset_words,
        strftime(hour_at, '%H:%M UTC on %-d %B %Y') as hour_words,
        strftime(hour_at + interval 1 hour, '%H:%M UTC') as end_words,
        {{ side_words('long_usd', 'longs', 'is_lower_bound') }} as long_words,
        {{ side_words('short_usd', 'shorts', 'is_lower_bound') }} as short_words,

    from compared

),

sentences as (

    select
        *,
        {{- brief_sentences(falls, cluster_reach_percent) }}

    from worded

),

final as (

    select
        hour_at,
        base_asset,
        sides_text as headline,
        concat_ws(
            ' ',
            sides_text,
            estimate_text,
            open_side_text,
            venues_text,
            open_venue_text,
            missing_text,
            partial_text,
            rules_text,
            complete_text,
            cluster_text,
            level_text,
            falls_text,
            unwind_text,
            stress_text,
            divergence_text,
            range_text,
            changes_text,
            check_text
        ) as brief,
        dominant_side,
        long_share_low < 0.5 and long_share_high > 0.5 as is_dominant_side_open,
        {%- for side in ['long', 'short'] %}
        {%- for end in ['', '_low', '_mid', '_high'] %}
        {{ side }}_usd{{ end }},
        {%- endfor %}
        {%- endfor %}
        long_share,
        long_share_low,
        long_share_high,
        has_unestimated_part,
        is_lower_bound,
        is_incomplete,
        {%- for place in places %}
        {{ place }}_venue,
        {{ place }}_venue_usd,
        {{ place }}_venue_usd_low,
        {{ place }}_venue_usd_high,
        {{ place }}_venue_share,
        {%- endfor %}
        is_largest_venue_open,
        venues_expected,
        venues_reporting,
        coalesce(missing_venue_list, '') as missing_venue_list,
        coalesce(partial_venue_list, '') as partial_venue_list,
        coalesce(lower_bound_venue_list, '') as lower_bound_venue_list,
        close_usd,
        cluster_low_usd,
        cluster_high_usd,
        cluster_long_30d_usd,
        cluster_distance_to_spot_percent,
        cluster_swing_low_usd,
        cluster_distance_to_swing_low_percent,
        level_low_usd,
        level_high_usd,
        level_mass_usd,
        level_mass_low_usd,
        level_mass_high_usd,
        level_distance_percent,
        {%- for percent in falls %}
        {%- for end in ['', '_low', '_high'] %}
        fall_{{ percent }}_percent{{ end }}_usd,
        {%- endfor %}
        {%- endfor %}
        unwind_class,
        deciding_rule,
        is_staged,
        episodes_7d,
        oi_change_24h_share,
        forced_ratio_high,
        score,
        score_percentile,
        regime,
        recovery_divergence,
        range_divergence,
        is_range_narrowing,
        len(changes) > 0 as has_changed,
        previous_dominant_side,
        previous_unwind_class,
        previous_regime,
        previous_recovery_divergence,
        previous_range_divergence,
        'liquidation_imbalance_hourly, exchange_breakdown, venue_coverage_hourly,'
        || ' liquidation_clusters, liquidation_map, liquidation_wave, unwind_classification,'
        || ' stress_hourly, divergence_hourly' as source_marts,
        hour_at + interval 1 hour as as_of_at,
        available_at,

    from sentences

)

select *,

from final

order by hour_at
