{#- Thresholds of the two warnings; each is also a column of the row that it decided. #}
{%- set ema_ratio_threshold = 1.5 %}
{%- set min_elevated_hours = 6 %}
{%- set recovery_threshold = 0.382 %}
{%- set trend_p_threshold = 0.05 %}
{#- Spans of the moving averages; each reaches back 5 spans. #}
{%- set emas = [('24h', 24), ('7d', 168)] %}
{#- The slower average reads 839 hours back, and the 11 earlier hours need it too. #}
{%- set hours_read = 839 + 11 %}
{#- Of a trend's 48 hours so many must be known. #}
{%- set min_trend_hours = 36 %}

with

tracked as (

    from {{ ref('int_tracked_assets_hourly') }}

    where hour_at in {{ build_hours() }}

),

hours as (

    select hour_at,

    from {{ source('ops', 'hours') }}

    where hour_at >= {{ first_hour_read(hours_read) }}
        and hour_at <= (select max(hour_at), from {{ build_hours() }} as built)

),

liquidations as (

    select
        hour_at,
        base_asset,
        long_1h_usd,
        available_at,

    from {{ ref('liquidation_imbalance_hourly') }}

    where hour_at >= {{ first_hour_read(hours_read) }}

),

coverage as (

    from {{ ref('int_asset_coverage_hourly') }}

    where hour_at >= {{ first_hour_read(hours_read) }}

),

intensities as (

    from {{ ref('liquidation_intensity_hourly') }}

    where hour_at >= {{ first_hour_read(47) }}

),

prices as (

    from {{ ref('int_price_windows_hourly') }}

    where hour_at >= {{ first_hour_read(47) }}

),

assets as (

    select distinct base_asset,

    from tracked

),

-- Every hour of each asset's look-back. An untracked asset had no liquidations, so it counts zero in
-- hours in which all venues that report it were covered in full; for an asset that no venue is known
-- to report, all venues.
asset_hours as (

    select
        hours.hour_at,
        assets.base_asset,
        coalesce(coverage.is_complete, all_assets.is_complete, false) as is_covered_in_full,
        try_cast(
            coalesce(liquidations.long_1h_usd, case when is_covered_in_full then 0 end)
            as decimal(38, 4)
        ) as long_usd,
        greatest(
            liquidations.available_at, coalesce(coverage.available_at, all_assets.available_at)
        ) as available_at,

    from hours
    cross join assets
    left join liquidations
        on hours.hour_at = liquidations.hour_at
        and assets.base_asset = liquidations.base_asset
    left join coverage
        on hours.hour_at = coverage.hour_at
        and assets.base_asset = coverage.base_asset
    left join coverage as all_assets
        on hours.hour_at = all_assets.hour_at
        and all_assets.base_asset = 'ALL'

),

completeness as (

    select
        hour_at,
        base_asset,
        (count(case when not is_covered_in_full then 1 end) over last_48h)::integer
            as incomplete_hours_48h,
        count(case when not is_covered_in_full then 1 end) over last_840h > 0 as is_incomplete,
        max(available_at) over all_read as available_at,

    from asset_hours

    window
        by_hour as (partition by base_asset order by hour_at),
        last_48h as (by_hour range between interval 47 hour preceding and current row),
        last_840h as (by_hour range between interval 839 hour preceding and current row),
        all_read as (by_hour range between interval {{ hours_read }} hour preceding and current row)

),

{% for name, span in emas -%}
{%- set reach = 5 * span -%}
-- EMA over {{ span }} hours: a mean over {{ reach }} in which an hour weighs 1 - 2/({{ span }} + 1)
-- times the next one. Only the ratios of weights matter, so they grow from the start of a block of
-- {{ reach }} hours; every hour counts in its own block and in the next, so that the rows of each
-- block have all of their look-back.
ema_{{ name }}_weights as (

    select
        asset_hours.hour_at,
        asset_hours.base_asset,
        asset_hours.long_usd,
        epoch(asset_hours.hour_at)::bigint // 3600 as hour_number,
        hour_number // {{ reach }} + block.later as block_number,
        block.later = 0 as is_own_block,
        try_cast(pow(
            1 - 2 / ({{ span }} + 1.0),
            (block_number - 1) * {{ reach }} - hour_number
        ) as decimal(20, 8)) as weight,
        try_cast(weight::double * asset_hours.long_usd::double as decimal(38, 8)) as weighted_usd,

    from asset_hours
    cross join (values (0), (1)) as block (later)

    where asset_hours.hour_at >= {{ first_hour_read(reach + 10) }}

),

ema_{{ name }} as (

    select
        hour_at,
        base_asset,
        case
            when count(long_usd) over reach_back >= {{ span }}
                then round(
                    (sum(weighted_usd) over reach_back)::double
                    / (sum(weight) filter (where long_usd is not null) over reach_back)::double,
                    4
                )
        end as long_usd_ema_{{ name }},

    from ema_{{ name }}_weights

    window reach_back as (
        partition by base_asset, block_number
        order by hour_at
        range between interval {{ reach - 1 }} hour preceding and current row
    )

    qualify is_own_block
        and hour_at >= {{ first_hour_read(11) }}

),

{% endfor -%}
ratios as (

    select
        ema_24h.hour_at,
        ema_24h.base_asset,
        ema_24h.long_usd_ema_24h,
        ema_7d.long_usd_ema_7d,
        round(ema_24h.long_usd_ema_24h / nullif(ema_7d.long_usd_ema_7d, 0), 6) as ema_ratio,
        -- Five weeks without liquidations are not a rise.
        case
            when ema_7d.long_usd_ema_7d = 0 then false
            else ema_ratio > {{ ema_ratio_threshold }}
        end as is_elevated,

    from ema_24h
    inner join ema_7d
        on ema_24h.hour_at = ema_7d.hour_at
        and ema_24h.base_asset = ema_7d.base_asset

),

rises as (

    select
        *,
        (count(case when is_elevated then 1 end) over last_12h)::integer as elevated_hours_12h,
        (count(is_elevated) over last_12h)::integer as known_hours_12h,

    from ratios

    window last_12h as (
        partition by base_asset
        order by hour_at
        range between interval 11 hour preceding and current row
    )

),

series as (

    select
        hour_at,
        base_asset,
        'intensity' as series,
        available_at,
        round({{ natural_log('(1 + long_intensity_1h_bp)') }}, 9) as observed,

    from intensities

    where long_intensity_1h_bp is not null

    union all

    select
        hour_at,
        base_asset,
        'range' as series,
        available_at,
        -- An hour without a move has the narrowest possible range.
        case
            when range_usd > 0 then round({{ natural_log('range_usd') }}, 9)
            else '-infinity'::double
        end as observed,

    from prices

    where range_usd is not null

),

-- Kendall's S of 48 hours is the sum over the pairs of each hour with the 47 before it, less the
-- pairs of each hour that has left the window; the same holds for tied pairs and tied triples.
pairs as (

    select
        *,
        rank(order by observed asc nulls last) over earlier as rank_up_earlier,
        rank(order by observed desc nulls last) over earlier as rank_down_earlier,
        count(observed) over earlier as known_earlier,
        rank(order by observed asc nulls last) over later as rank_up_later,
        rank(order by observed desc nulls last) over later as rank_down_later,
        count(observed) over later as known_later,

    from series

    window
        by_hour as (partition by base_asset, series order by hour_at),
        earlier as (
            by_hour range between interval 47 hour preceding and interval 1 hour preceding
        ),
        later as (
            by_hour range between interval 1 hour following and interval 47 hour following
        )

),

entered_and_left as (

    select
        *,
        rank_up_earlier - rank_down_earlier as score_entering,
        known_earlier + 2 - rank_up_earlier - rank_down_earlier as ties_entering,
        rank_down_later - rank_up_later as score_leaving,
        known_later + 2 - rank_up_later - rank_down_later as ties_leaving,

    from pairs

),

windowed as (

    select
        hour_at,
        base_asset,
        series,
        observed,
        count(*) over last_48h as known,
        max(available_at) over last_48h as available_at,
        sum(score_entering) over until_now
        - coalesce(sum(score_leaving) over until_gone, 0) as score,
        sum(ties_entering) over until_now
        - coalesce(sum(ties_leaving) over until_gone, 0) as tied_pairs,
        sum(ties_entering * (ties_entering - 1) // 2) over until_now
        - coalesce(sum(ties_leaving * (ties_leaving - 1) // 2) over until_gone, 0)
            as tied_triples,

    from entered_and_left

    window
        by_hour as (partition by base_asset, series order by hour_at),
        last_48h as (by_hour range between interval 47 hour preceding and current row),
        until_now as (by_hour range between unbounded preceding and current row),
        until_gone as (by_hour range between unbounded preceding and interval 48 hour preceding)

),

-- tau-b against time, which has no ties: S / sqrt(pairs (pairs - tied pairs)). Of independent hours
-- var S = (n(n - 1)(2n + 5) - sum t(t - 1)(2t + 5)) / 18 over groups of t ties, whose sum is
-- 18 tied pairs + 12 tied triples.
scored as (

    select
        hour_at,
        base_asset,
        series,
        observed,
        available_at,
        known,
        known * (known - 1) / 2 as all_pairs,
        (
            known * (known - 1) * (2 * known + 5) - 18 * tied_pairs - 12 * tied_triples
        )::double / 18 as variance,
        known >= {{ min_trend_hours }} and tied_pairs < all_pairs as has_tau,
        case
            when has_tau then round(score / sqrt(all_pairs * (all_pairs - tied_pairs)), 6)
        end as tau,
        case
            when known < {{ min_trend_hours }} then null
            when tied_pairs = all_pairs then 0
            else sign(score)
        end as tau_sign,
        score,

    from windowed

    where hour_at in {{ build_hours() }}

),

hours_of_trend as (

    select unnest(range(48)) as hours_back,

),

in_windows as (

    select
        series.series,
        series.base_asset,
        series.observed,
        series.hour_at + hours_of_trend.hours_back * interval 1 hour as as_of_hour_at,
        47 - hours_of_trend.hours_back as place,

    from series
    cross join hours_of_trend

),

-- Hours are autocorrelated, so a given tau is less rare than the variance above implies. The
-- persistence of a series is measured on the ranks of the 48 hours about their own line: each hour's
-- twice centred mid-rank (values below less values above), beside that of the next hour.
ranked as (

    select
        scored.hour_at,
        scored.base_asset,
        scored.series,
        in_windows.place,
        2 * rank() over by_value - 2
        + count(*) over (by_value range between current row and current row)
        - scored.known as rank_score,

    from in_windows
    inner join scored
        on in_windows.series = scored.series
        and in_windows.base_asset = scored.base_asset
        and in_windows.as_of_hour_at = scored.hour_at

    where scored.has_tau

    window by_value as (
        partition by scored.series, scored.base_asset, scored.hour_at
        order by in_windows.observed
    )

),

ranked_pairs as (

    select
        *,
        case
            when lead(place) over by_place = place + 1 then lead(rank_score) over by_place
        end as next_score,

    from ranked

    window by_place as (partition by series, base_asset, hour_at order by place)

),

rank_sums as (

    select
        hour_at,
        base_asset,
        series,
        count(*)::double as hours,
        sum(place)::double / count(*) as middle,
        sum(place * place)::double - sum(place)::double * sum(place)::double / count(*)
            as place_squares,
        sum(place * rank_score)::double as place_products,
        sum(rank_score * rank_score)::double as rank_squares,
        count(next_score)::double as pairs,
        sum(rank_score * next_score)::double as pair_products,
        sum(rank_score * (place + 1) + next_score * place)
            filter (where next_score is not null)::double as pair_place_products,
        sum(rank_score + next_score) filter (where next_score is not null)::double as pair_scores,
        sum(place * (place + 1)) filter (where next_score is not null)::double
            as pair_place_squares,
        sum(2 * place + 1) filter (where next_score is not null)::double as pair_places,

    from ranked_pairs

    group by all

),

-- The lag-1 autocorrelation of the ranks' residuals from their least-squares line.
serial as (

    select
        *,
        place_products / place_squares as slope,
        rank_squares - slope * slope * place_squares as residual_squares,
        pair_products
        - slope * (pair_place_products - middle * pair_scores)
        + slope * slope * (pair_place_squares - middle * pair_places + middle * middle * pairs)
            as residual_products,
        -- Ranks that all lie on a line have no residuals.
        case
            when residual_squares > 1e-9 * rank_squares
                then (hours - 1) / pairs * residual_products / residual_squares
            else 0
        end as rank_autocorrelation,

    from rank_sums

),

-- A line fitted to so few hours takes persistence for trend: on average the estimate is short of
-- the true value rho by (2 + 4 rho) / n. Normal values whose ranks correlate by r correlate by
-- 2 sin(pi r / 6). The estimate plus its standard error is taken, at least 0 and at most 0.98.
persistence as (

    select
        *,
        2 * sin(
            pi() / 6 * greatest(-1, least(1, (rank_autocorrelation + 2 / hours) / (1 - 4 / hours)))
        ) as unbiased,
        round(
            greatest(0, least(0.98, unbiased + sqrt((1 - unbiased * unbiased) / hours))), 6
        ) as persistence,

    from serial

),

widened as (

    select
        hour_at,
        base_asset,
        series,
        persistence,
        {{ trend_variance_ratio('persistence', 'hours', 48) }} as variance_ratio,
        round(hours / variance_ratio, 3) as effective_hours,

    from persistence

),

-- The p-value is two-sided by the normal approximation, without continuity correction, with the
-- variance of Hamed and Rao (1998) for the ranks of a first-order autoregression.
trends as (

    select
        scored.hour_at,
        scored.base_asset,
        scored.series,
        scored.observed,
        scored.available_at,
        scored.known,
        scored.tau,
        widened.persistence,
        widened.effective_hours,
        round(
            {{ two_sided_normal_p(
                'scored.score / sqrt(scored.variance * widened.variance_ratio)'
            ) }},
            6
        ) as p_value,
        -- Equal values have no trend, which is known.
        case
            when not scored.has_tau then scored.tau_sign
            when p_value < {{ trend_p_threshold }} then scored.tau_sign
            else 0
        end as direction,

    from scored
    left join widened
        on scored.hour_at = widened.hour_at
        and scored.base_asset = widened.base_asset
        and scored.series = widened.series

),

inputs as (

    select
        tracked.hour_at,
        tracked.base_asset,
        asset_hours.long_usd,
        completeness.incomplete_hours_48h,
        completeness.is_incomplete,
        rises.long_usd_ema_24h,
        rises.long_usd_ema_7d,
        rises.ema_ratio,
        rises.elevated_hours_12h,
        rises.known_hours_12h,
        case
            when rises.elevated_hours_12h >= {{ min_elevated_hours }} then true
            when rises.elevated_hours_12h + 12 - rises.known_hours_12h
                < {{ min_elevated_hours }} then false
        end as is_rising,
        prices.close_usd,
        prices.low_24h_usd,
        prices.low_24h_at,
        prices.high_72h_before_low_usd,
        round(
            (prices.close_usd - prices.low_24h_usd)
            / nullif(greatest(prices.high_72h_before_low_usd - prices.low_24h_usd, 0), 0),
            6
        ) as recovery,
        -- Where the price had not been higher there was no fall to recover from.
        case
            when prices.high_72h_before_low_usd <= prices.low_24h_usd then false
            else recovery < {{ recovery_threshold }}
        end as is_unrecovered,
        prices.vwap_7d_usd,
        prices.close_usd < prices.vwap_7d_usd as is_below_vwap,
        intensity.observed as log_intensity,
        intensity.known as intensity_hours_48h,
        intensity.tau as intensity_tau,
        intensity.persistence as intensity_persistence,
        intensity.effective_hours as intensity_effective_hours_48h,
        intensity.p_value as intensity_p_value,
        intensity.direction as intensity_direction,
        case when range_trend.observed > '-infinity'::double then range_trend.observed end
            as log_range,
        range_trend.known as range_hours_48h,
        range_trend.tau as range_tau,
        range_trend.persistence as range_persistence,
        range_trend.effective_hours as range_effective_hours_48h,
        range_trend.p_value as range_p_value,
        range_trend.direction as range_direction,
        greatest(
            tracked.available_at,
            completeness.available_at,
            prices.available_at,
            intensity.available_at,
            range_trend.available_at
        ) as available_at,

    from tracked
    left join asset_hours
        on tracked.hour_at = asset_hours.hour_at
        and tracked.base_asset = asset_hours.base_asset
    left join completeness
        on tracked.hour_at = completeness.hour_at
        and tracked.base_asset = completeness.base_asset
    left join rises
        on tracked.hour_at = rises.hour_at
        and tracked.base_asset = rises.base_asset
    left join prices
        on tracked.hour_at = prices.hour_at
        and tracked.base_asset = prices.base_asset
    left join trends as intensity
        on tracked.hour_at = intensity.hour_at
        and tracked.base_asset = intensity.base_asset
        and intensity.series = 'intensity'
    left join trends as range_trend
        on tracked.hour_at = range_trend.hour_at
        and tracked.base_asset = range_trend.base_asset
        and range_trend.series = 'range'

),

final as (

    select
        hour_at,
        base_asset,
        is_rising and is_unrecovered and is_below_vwap as recovery_divergence,
        intensity_direction = 1 and range_direction = -1 as range_divergence,
        recovery_divergence or range_divergence as any_divergence,
        is_incomplete,
        incomplete_hours_48h,
        long_usd,
        long_usd_ema_24h,
        long_usd_ema_7d,
        ema_ratio,
        {{ ema_ratio_threshold }}::double as ema_ratio_threshold,
        elevated_hours_12h,
        known_hours_12h,
        {{ min_elevated_hours }}::integer as min_elevated_hours,
        close_usd,
        low_24h_usd,
        low_24h_at,
        high_72h_before_low_usd,
        recovery,
        {{ recovery_threshold }}::double as recovery_threshold,
        vwap_7d_usd,
        log_intensity,
        intensity_hours_48h::integer as intensity_hours_48h,
        intensity_tau,
        intensity_persistence,
        intensity_effective_hours_48h,
        intensity_p_value,
        log_range,
        range_hours_48h::integer as range_hours_48h,
        range_tau,
        range_persistence,
        range_effective_hours_48h,
        range_p_value,
        {{ trend_p_threshold }}::double as trend_p_threshold,
        hour_at - interval 839 hour as window_start_at,
        hour_at + interval 1 hour as window_end_at,
        hour_at + interval 1 hour as as_of_at,
        available_at,

    from inputs

)

select *,

from final

order by hour_at
