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
        clock_allowance_seconds,
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
        any_value(clock_allowance_seconds) as clock_allowance_seconds,
        try_cast(min(second_of_hour) as integer) as first_second,
        count(*) as seconds,

    from numbered

    group by hour_at, base_asset, liquidated_side, burst_number, venue

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
        greatest(one.clock_allowance_seconds, other.clock_allowance_seconds)
            as clock_allowance_seconds,
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
        count(*) filter (where lead_seconds > clock_allowance_seconds) as first_bursts,
        count(*) filter (where abs(lead_seconds) <= clock_allowance_seconds) as tied_bursts,
        sum(expected_share) filter (where abs(lead_seconds) > clock_allowance_seconds)
            as expected_bursts,

    from compared

    group by all

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
        try_cast(
            greatest(one.clock_allowance_seconds, other.clock_allowance_seconds) as integer
        ) as clock_allowance_seconds,
        case
            {%- for reason in clock_reasons + ['few_seconds'] %}
            when '{{ reason }}' in (one.left_out_reason, other.left_out_reason)
                then '{{ reason }}'
            {%- endfor %}
        end as left_out_reason,
        not one.is_complete or not other.is_complete as is_incomplete,
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
        lead_lags.* exclude (hour_at, base_asset, liquidated_side, venue, other_venue),
        {%- for reason in clock_reasons %}
        {{ 'or ' if not loop.first }}pairs.left_out_reason = '{{ reason }}'
        {%- endfor %} as has_no_clock,
        case
            when pairs.left_out_reason is not null then pairs.left_out_reason
            when lead_lags.unequal_blocks < {{ var('contagion_min_blocks') | int }}
                then 'few_blocks'
        end as untested_reason,

    from pairs
    left join bursts
        on pairs.hour_at = bursts.hour_at
        and pairs.base_asset = bursts.base_asset
        and pairs.liquidated_side = bursts.liquidated_side
        and pairs.venue = bursts.venue
        and pairs.other_venue = bursts.other_venue
    left join lead_lags
        on pairs.hour_at = lead_lags.hour_at
        and pairs.base_asset = lead_lags.base_asset
        and pairs.liquidated_side = lead_lags.liquidated_side
        and pairs.venue = lead_lags.venue
        and pairs.other_venue = lead_lags.other_venue

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
        case when not coalesce(has_no_clock, false) then coalesce({{ column }}, 0) end
            as {{ column }},
        {%- endfor %}
        round(first_bursts / nullif(shared_bursts - tied_bursts, 0), 6) as first_mover_share,
        round(expected_bursts::double / nullif(shared_bursts - tied_bursts, 0), 6)
            as expected_first_mover_share,
        clock_allowance_seconds,
        {{ var('contagion_max_lag_seconds') | int }} as max_lag_seconds,
        joint_pairs,
        cooccurrence_ratio,
        cooccurrence_null_share_above,
        lead_pairs,
        lag_pairs,
        round(lead_pairs / nullif(lead_pairs + lag_pairs, 0), 6) as lead_share,
        unequal_blocks::integer as unequal_blocks,
        {%- for column in [
            'lead_statistic', 'null_statistic_low', 'null_statistic_high', 'null_share_above',
        ] %}
        case when untested_reason is null then {{ column }} end as {{ column }},
        {%- endfor %}
        case
            when untested_reason is null
                then null_share_above <= {{ var('contagion_max_null_share') | float }}
                    and lead_statistic >= {{ var('contagion_min_statistic') | float }}
        end as is_significant,
        case when untested_reason is null then peak_lag_seconds::integer end as peak_lag_seconds,
        case when untested_reason is null then peak_correlation end as peak_correlation,
        untested_reason,
        (
            count(case when untested_reason is null then 1 end) over (
                partition by hour_at, base_asset
            )
        )::integer as tested_rows,
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
