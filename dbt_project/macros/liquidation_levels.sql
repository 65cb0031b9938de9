{#- The leverages of the seed leverage_mix, in order; a test compares the two. -#}
{% macro mix_leverages() -%}
    {{ return([5, 10, 25, 50, 100]) }}
{%- endmacro %}


{#-
    The liquidation price of an isolated position over its entry price, linear contract, fees left out.

    At the liquidation price P the margin left is the maintenance margin, for a long of Q coins opened
    at EP: Q EP / leverage + Q (P - EP) = Q P rate - deduction, a short with the sign of the price
    change turned round. So P = (EP (1 - 1/leverage) - deduction/Q) / (1 - rate), and for a short
    (EP (1 + 1/leverage) + deduction/Q) / (1 + rate).

    Arguments: liquidated_side, `long` or `short`; leverage, rate and deduction_share (the deduction
    over the position's dollars at the opening), expressions.
-#}
{% macro liquidation_price_ratio(liquidated_side, leverage, rate, deduction_share) -%}
    {%- set sign = '-' if liquidated_side == 'long' else '+' -%}
    (1 {{ sign }} 1.0 / {{ leverage }} {{ sign }} {{ deduction_share }}) / (1 {{ sign }} {{ rate }})
{%- endmacro %}


{#- The middle of a price bucket, at which everything in it stands; an expression. -#}
{% macro bucket_middle(price_bucket) -%}
    pow(1.0025, {{ price_bucket }} + 0.5)
{%- endmacro %}


{#- The price bucket of a price, an expression; null without a positive price. -#}
{% macro bucket_of(price) -%}
    try_cast(floor({{ natural_log(price) }} / ln(1.0025)) as integer)
{%- endmacro %}


{#-
    The CTE `hours`: one row per hour and asset with its price range, how much stayed open in it, and
    whether its open interest is known.

    Expects the CTEs `flows` (int_position_flows_hourly) and `entries` (int_position_entries_hourly).
    Coins that are closed leave all levels of their side in proportion: ln_kept is the logarithm of
    the share that stays, a decimal, so that the order of hours has no part in a sum of it.
-#}
{% macro hours_of_positions() -%}
hours as (

    select
        hour_at,
        base_asset,
        min(low_usd) as low_usd,
        max(high_usd) as high_usd,
        {%- for liquidated_side in ['long', 'short'] %}
        {%- set kept_share -%}
            greatest(
                1
                - sum(closed_{{ liquidated_side }}_base)::double
                / nullif(sum(oi_start_base)::double, 0),
                1e-9
            )
        {%- endset %}
        coalesce(try_cast(round({{ natural_log(kept_share) }}, 12) as decimal(38, 12)), 0)
            as ln_kept_{{ liquidated_side }},
        {%- endfor %}
        count(oi_start_base) > 0 as is_open_interest_known,
        max(available_at) as available_at,

    from (
        select
            hour_at,
            base_asset,
            hour_low_usd as low_usd,
            hour_high_usd as high_usd,
            null::decimal(38, 8) as closed_long_base,
            null::decimal(38, 8) as closed_short_base,
            null::decimal(38, 8) as oi_start_base,
            available_at,

        from entries

        union all

        select
            hour_at,
            base_asset,
            null::double as low_usd,
            null::double as high_usd,
            closed_long_base,
            closed_short_base,
            oi_start_base,
            available_at,

        from flows
    ) as prices_and_flows

    group by hour_at, base_asset

)
{%- endmacro %}


{#-
    Whether a level has not been reached, a condition: a price reaches it at its bucket's middle.

    Arguments: price_bucket, low and high, expressions; a null low or high is no price.
-#}
{% macro is_out_of_reach(price_bucket, low, high) -%}
    case liquidated_side
        when 'long' then coalesce({{ bucket_middle(price_bucket) }} < {{ low }}, true)
        else coalesce({{ bucket_middle(price_bucket) }} > {{ high }}, true)
    end
{%- endmacro %}


{#-
    The body of a CTE: one row per as-of hour, asset and hour up to it whose openings count
    (opened_hour_at), with what followed until the end of the as-of hour: later_low_usd,
    later_high_usd, later_ln_kept_long and later_ln_kept_short, null where nothing did.

    Expects `hours` (hours_of_positions). Argument: built, a CTE with hour_at, the as-of hour, and
    from_at, the first hour whose openings count, of the same UTC day.
-#}
{% macro what_followed(built) -%}
    select
        {{ built }}.hour_at,
        hours.base_asset,
        hours.hour_at as opened_hour_at,
        {%- for column, function in [
            ('low_usd', 'min'), ('high_usd', 'max'), ('ln_kept_long', 'sum'), ('ln_kept_short', 'sum')
        ] %}
        {{ function }}(hours.{{ column }}) over (
            partition by {{ built }}.hour_at, hours.base_asset
            order by hours.hour_at
            rows between 1 following and unbounded following
        ) as later_{{ column }},
        {%- endfor %}

    from {{ built }}
    -- The day's equality, so that hours are found by hashing and not by comparing all of them.
    inner join hours
        on date_trunc('day', {{ built }}.hour_at) = date_trunc('day', hours.hour_at)
        and hours.hour_at between {{ built }}.from_at and {{ built }}.hour_at
{%- endmacro %}


{#-
    CTEs that place what was opened on the days of the hours being built, up to each of these hours.

    Expects `hours` (hours_of_positions), `flows`, `entries`, and `built`: hour_at, the as-of hour,
    and from_at, the first hour whose openings count. Gives `placed`: hour_at, base_asset,
    liquidated_side, leverage, price_bucket and position_base, the coins that are alive at the end of
    hour_at, if all were opened at this leverage.

    A level dies when the price reaches it: in the hour in which it was opened from the first bar on
    that traded at its entry price, later in any hour.

    Arguments: built, the name of that CTE; liquidated_sides, of the levels.
-#}
{% macro placed_levels(built='built', liquidated_sides=['long', 'short']) -%}
cohorts as (

    {{ what_followed(built) }}

),

-- Venues of the same tiers have the same distances.
opened as (

    select
        flows.hour_at,
        flows.base_asset,
        ratios.liquidated_side,
        ratios.leverage,
        ratios.bucket_distance,
        sum(flows.opened_base)::double as opened_base,

    from flows
    inner join {{ ref('int_liquidation_price_ratios') }} as ratios
        on flows.venue = ratios.venue
        and flows.tier_asset = ratios.base_asset

    where flows.opened_base > 0
        and ratios.liquidated_side in ('{{ liquidated_sides | join("', '") }}')
        and flows.hour_at in (select opened_hour_at, from cohorts)

    group by all

),

entered as (

    select
        cohorts.hour_at,
        cohorts.base_asset,
        opened.liquidated_side,
        opened.leverage,
        entries.price_bucket + opened.bucket_distance as price_bucket,
        opened.opened_base * entries.entered_share as opened_base,
        least(entries.low_after_usd, cohorts.later_low_usd) as low_usd,
        greatest(entries.high_after_usd, cohorts.later_high_usd) as high_usd,
        case opened.liquidated_side
            when 'long' then cohorts.later_ln_kept_long
            else cohorts.later_ln_kept_short
        end as ln_kept,

    from cohorts
    inner join opened
        on cohorts.opened_hour_at = opened.hour_at
        and cohorts.base_asset = opened.base_asset
    inner join entries
        on cohorts.opened_hour_at = entries.hour_at
        and cohorts.base_asset = entries.base_asset

),

placed as (

    select
        hour_at,
        base_asset,
        liquidated_side,
        leverage,
        price_bucket,
        sum(
            try_cast(
                round(opened_base * exp(coalesce(ln_kept, 0)::double), 8) as decimal(38, 8)
            )
        )::double as position_base,

    from entered

    where {{ is_out_of_reach('price_bucket', 'low_usd', 'high_usd') }}

    group by hour_at, base_asset, liquidated_side, leverage, price_bucket

)
{%- endmacro %}


{#-
    CTEs that carry the levels of whole days to a later midnight.

    Expects `hours` (hours_of_positions), `levels` (int_liquidation_levels_daily), and `midnights`:
    midnight_at, and from_at, the first hour whose openings count. Gives `carried`: midnight_at,
    base_asset, liquidated_side, leverage, price_bucket and position_base, alive at midnight; and
    `known_at_midnight`: midnight_at, base_asset and when all that makes its levels was available.
-#}
{% macro carried_levels() -%}
day_ranges as (

    select
        try_cast(date_trunc('day', hour_at) as timestamp) as day_at,
        base_asset,
        min(low_usd) as low_usd,
        max(high_usd) as high_usd,
        sum(ln_kept_long) as ln_kept_long,
        sum(ln_kept_short) as ln_kept_short,
        max(available_at) as available_at,

    from hours

    group by all

),

-- What happened after each day, until midnight.
days_before as (

    select
        midnights.midnight_at,
        day_ranges.base_asset,
        day_ranges.day_at + interval 23 hour as levels_hour_at,
        {%- for column, function in [
            ('low_usd', 'min'), ('high_usd', 'max'), ('ln_kept_long', 'sum'), ('ln_kept_short', 'sum')
        ] %}
        {{ function }}(day_ranges.{{ column }}) over (
            partition by midnights.midnight_at, day_ranges.base_asset
            order by day_ranges.day_at
            rows between 1 following and unbounded following
        ) as later_{{ column }},
        {%- endfor %}

    from midnights
    inner join day_ranges
        on day_ranges.day_at >= midnights.from_at
        and day_ranges.day_at < midnights.midnight_at

),

known_at_midnight as (

    select
        midnights.midnight_at,
        day_ranges.base_asset,
        max(day_ranges.available_at) as available_at,

    from midnights
    inner join day_ranges
        on day_ranges.day_at >= midnights.from_at
        and day_ranges.day_at < midnights.midnight_at

    group by all

),

carried as (

    select
        days_before.midnight_at,
        levels.base_asset,
        levels.liquidated_side,
        levels.leverage,
        levels.price_bucket,
        sum(
            try_cast(
                round(
                    levels.position_base
                    * exp(
                        coalesce(
                            case levels.liquidated_side
                                when 'long' then days_before.later_ln_kept_long
                                else days_before.later_ln_kept_short
                            end,
                            0
                        )::double
                    ),
                    8
                ) as decimal(38, 8)
            )
        )::double as position_base,

    from days_before
    inner join levels
        on days_before.levels_hour_at = levels.hour_at
        and days_before.base_asset = levels.base_asset

    where {{ is_out_of_reach(
        'levels.price_bucket', 'days_before.later_low_usd', 'days_before.later_high_usd'
    ) }}

    group by all

)
{%- endmacro %}
