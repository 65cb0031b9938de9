{#- Reasons under which a venue's seconds are not compared with those of others, not even who was first. -#}
{% set clock_reasons = ['time_of_receipt', 'coarse_clock', 'unknown_publication_rule'] %}
{% set gap_seconds = var('contagion_burst_gap_seconds') | int %}

with

series as (

    select
        *,
        max(available_at) over (partition by hour_at, base_asset) as last_available_at,

    from {{ ref('int_liquidation_seconds') }}

),

lead_lags as (

    from {{ ref('int_liquidation_lead_lags') }}

    where hour_at in {{ build_hours() }}

),

-- Of the venues whose clocks can be compared.
active_seconds as (

    select
        hour_at,
        base_asset,
        liquidated_side,
        venue,
        min_lag_seconds,
        unnest(seconds) as second_of_hour,

    from series

    where coalesce(left_out_reason, 'few_seconds') = 'few_seconds'

),

gaps as (

    select
        *,
        second_of_hour - lag(second_of_hour) over (
            partition by hour_at, base_asset, liquidated_side order by second_of_hour
        ) > {{ gap_seconds }} as is_after_gap,

    from active_seconds

),

numbered as (

    select
        *,
        count(case when is_after_gap then 1 end) over (
            partition by hour_at, base_asset, liquidated_side order by second_of_hour
        ) as burst_number,

    from gaps

),

venue_bursts as (

    select
        hour_at,
        base_asset,
        liquidated_side,
        burst_number,
        venue,
        any_value(min_lag_seconds) as min_lag_seconds,
        min(second_of_hour)::integer as first_second,
        count(*) as seconds,

    from numbered

    group by all

    -- What begins with the hour may have begun before it.
    qualify min(min(second_of_hour)) over (
            partition by hour_at, base_asset, liquidated_side, burst_number
        ) >= {{ gap_seconds }}

),

compared as (

    select
        one.hour_at,
        one.base_asset,
        one.liquidated_side,
        one.venue,
        other.venue as other_venue,
        other.first_second - one.first_second as lead_seconds,
        greatest(one.min_lag_seconds, other.min_lag_seconds) as min_lag_seconds,
        -- A decimal, so that its sums do not depend on their order.
        try_cast(
            round(one.seconds / (one.seconds + other.seconds), 9) as decimal(18, 9)
        ) as expected_share,

    from venue_bursts as one
    inner join venue_bursts as other
        on one.hour_at = other.hour_at
        and one.base_asset = other.base_asset
        and one.liquidated_side = other.liquidated_side
        and one.burst_number = other.burst_number
        and one.venue != other.venue

),

bursts as (

    select
        hour_at,
        base_asset,
        liquidated_side,
        venue,
        other_venue,
        count(*) as shared_bursts,
        count(*) filter (where lead_seconds >= min_lag_seconds) as first_bursts,
        count(*) filter (where abs(lead_seconds) < min_lag_seconds) as tied_bursts,
        sum(expected_share) filter (where abs(lead_seconds) >= min_lag_seconds)
            as expected_bursts,

    from compared

    group by all

),

-- Both directions of a pair: what leads the one way lags the other.
directions as (

    from lead_lags

    union all by name

    select
        hour_at,
        base_asset,
        liquidated_side,
        other_venue as venue,
        venue as other_venue,
        joint_pairs,
        cooccurrence_ratio,
        cooccurrence_null_share_above,
        lag_pairs as lead_pairs,
        lead_pairs as lag_pairs,
        -lead_statistic as lead_statistic,
        -null_statistic_high as null_statistic_low,
        -null_statistic_low as null_statistic_high,
        null_share_below as null_share_above,
        null_share_above as null_share_below,
        -peak_lag_seconds as peak_lag_seconds,
        peak_correlation,

    from lead_lags

),

pairs as (

    select
        one.hour_at,
        one.base_asset,
        one.liquidated_side,
        one.venue,
        other.venue as other_venue,
        one.events,
        other.events as other_events,
        one.liquidated_usd,
        other.liquidated_usd as other_liquidated_usd,
        len(one.seconds)::integer as active_seconds,
        len(other.seconds)::integer as other_active_seconds,
        greatest(one.min_lag_seconds, other.min_lag_seconds)::integer as min_lag_seconds,
        case
            {%- for reason in clock_reasons + ['few_seconds'] %}
            when '{{ reason }}' in (one.left_out_reason, other.left_out_reason)
                then '{{ reason }}'
            {%- endfor %}
        end as left_out_reason,
        not (one.is_complete and other.is_complete) as is_incomplete,
        one.last_available_at as available_at,

    from series as one
    inner join series as other
        on one.hour_at = other.hour_at
        and one.base_asset = other.base_asset
        and one.liquidated_side = other.liquidated_side
        and one.venue != other.venue

),

judged as (

    select
        pairs.*,
        bursts.* exclude (hour_at, base_asset, liquidated_side, venue, other_venue),
        directions.* exclude (hour_at, base_asset, liquidated_side, venue, other_venue),
        {%- for reason in clock_reasons %}
        {{ 'or ' if not loop.first }}pairs.left_out_reason = '{{ reason }}'
        {%- endfor %} as has_no_clock,
        case
            when pairs.left_out_reason is not null then pairs.left_out_reason
            when directions.lead_pairs + directions.lag_pairs
                < {{ var('contagion_min_pairs') | int }}
                then 'few_pairs'
        end as untested_reason,

    from pairs
    left join bursts
        on pairs.hour_at = bursts.hour_at
        and pairs.base_asset = bursts.base_asset
        and pairs.liquidated_side = bursts.liquidated_side
        and pairs.venue = bursts.venue
        and pairs.other_venue = bursts.other_venue
    left join directions
        on pairs.hour_at = directions.hour_at
        and pairs.base_asset = directions.base_asset
        and pairs.liquidated_side = directions.liquidated_side
        and pairs.venue = directions.venue
        and pairs.other_venue = directions.other_venue

),

final as (

    select
        hour_at,
        base_asset,
        liquidated_side,
        venue,
        other_venue,
        events,
        other_events,
        liquidated_usd,
        other_liquidated_usd,
        active_seconds,
        other_active_seconds,
        {%- for column in ['shared_bursts', 'first_bursts', 'tied_bursts'] %}
        case when has_no_clock is not true then coalesce({{ column }}, 0) end as {{ column }},
        {%- endfor %}
        round(first_bursts / nullif(shared_bursts - tied_bursts, 0), 6) as first_mover_share,
        round(expected_bursts::double / nullif(shared_bursts - tied_bursts, 0), 6)
            as expected_first_mover_share,
        min_lag_seconds,
        {{ var('contagion_max_lag_seconds') | int }} as max_lag_seconds,
        joint_pairs,
        cooccurrence_ratio,
        cooccurrence_null_share_above,
        lead_pairs,
        lag_pairs,
        round(lead_pairs / nullif(lead_pairs + lag_pairs, 0), 6) as lead_share,
        {%- for column in [
            'lead_statistic', 'null_statistic_low', 'null_statistic_high', 'null_share_above',
        ] %}
        case when untested_reason is null then {{ column }} end as {{ column }},
        {%- endfor %}
        case
            when untested_reason is null
                then null_share_above <= {{ var('contagion_max_null_share') | float }}
        end as is_significant,
        case when untested_reason is null then peak_lag_seconds::integer end as peak_lag_seconds,
        case when untested_reason is null then peak_correlation end as peak_correlation,
        untested_reason,
        (
            count(case when untested_reason is null then 1 end)
                over (partition by hour_at, base_asset)
            // 2
        )::integer as tested_pairs,
        is_incomplete,
        '{{ var('contagion_model_version') }}' as model_version,
        hour_at as window_start_at,
        hour_at + interval 1 hour as window_end_at,
        hour_at + interval 1 hour as as_of_at,
        available_at,

    from judged

)

select *,

from final

order by hour_at
