-- One row per hour and base_asset, and ALL: open interest as a series that does not jump when a
-- venue starts or stops reporting.
--
-- Each instrument counts with its latest figure of the last 24 hours' ends; its coins are valued at
-- the price at which the others report. An instrument that starts reporting, or that has not reported
-- for 24 hours, changes the sum but not the market: that step, ln(sum / (sum - entered + left)), is
-- removed at first and added back evenly over open_interest_fading_hours:
--     oi_constant_venues_usd = reported_usd x exp(-sum of step x (1 - age in hours / open_interest_fading_hours)).
-- So no value depends on more than a month, and without changes of composition it is the sum itself.
{{ config(
    materialized='incremental', incremental_strategy='replace_partitions',
    meta={'partition': 'hour_at'},
) }}
{%- set valid_hours = 24 %}
{%- set fading_hours = var('open_interest_fading_hours') %}

with

hours as (

    select hour_at,

    from {{ source('ops', 'hours') }}

    where hour_at >= {{ first_hour_read(fading_hours - 1) }}

),

instruments as (

    from {{ ref('int_instrument_open_interest_hourly') }}

    where oi_end_usd is not null
        and hour_at >= {{ first_hour_read(fading_hours - 1 + valid_hours) }}

),

spans as (

    select
        hour_at as observed_hour_at,
        base_asset,
        oi_end_usd,
        oi_end_base,
        available_at,
        lag(hour_at) over by_instrument as former_hour_at,
        lead(hour_at) over by_instrument as next_hour_at,

    from instruments

    window by_instrument as (partition by venue, instrument, base_asset order by hour_at)

),

-- A figure is valid until the next one, for at most 24 hours; then the instrument has left.
aged as (

    select
        *,
        unnest(
            range(
                least(
                    {{ valid_hours }} + 1,
                    coalesce(
                        date_diff('hour', observed_hour_at, next_hour_at), {{ valid_hours }} + 1
                    )
                )
            )
        ) as age_hours,

    from spans

),

latest as (

    select
        aged.observed_hour_at + to_hours(aged.age_hours) as hour_at,
        aged.base_asset,
        aged.oi_end_usd,
        aged.oi_end_base,
        aged.available_at,
        aged.age_hours,
        aged.age_hours = 0
            and (
                aged.former_hour_at is null
                or aged.former_hour_at
                < aged.observed_hour_at - interval {{ valid_hours }} hour
            ) as is_entering,

    from aged
    inner join hours
        on aged.observed_hour_at + to_hours(aged.age_hours) = hours.hour_at

),

-- Summed in decimals, so that the order of the instruments makes no difference.
prices as (

    select
        hour_at,
        base_asset,
        sum(try_cast(round(oi_end_usd, 4) as decimal(38, 4)))::double
        / nullif(sum(try_cast(round(oi_end_base, 8) as decimal(38, 8)))::double, 0) as price_usd,

    from latest

    where age_hours = 0
        and oi_end_usd > 0
        and oi_end_base > 0

    group by all

),

valued as (

    select
        latest.hour_at,
        latest.base_asset,
        latest.age_hours,
        latest.is_entering,
        latest.available_at,
        try_cast(
            round(
                case
                    when latest.age_hours = 0 then latest.oi_end_usd
                    else coalesce(latest.oi_end_base * prices.price_usd, latest.oi_end_usd)
                end,
                4
            ) as decimal(38, 4)
        ) as value_usd,

    from latest
    left join prices
        on latest.hour_at = prices.hour_at
        and latest.base_asset = prices.base_asset

),

summed as (

    {% for asset in ['base_asset', "'ALL'"] -%}
    select
        hour_at,
        {{ asset }} as base_asset,
        coalesce(sum(value_usd) filter (where age_hours < {{ valid_hours }}), 0)
            as reported_usd,
        coalesce(sum(value_usd) filter (where is_entering), 0) as entered_usd,
        coalesce(sum(value_usd) filter (where age_hours = {{ valid_hours }}), 0) as left_usd,
        count(*) filter (where age_hours = 0) as reporting_instruments,
        count(*) filter (where age_hours between 1 and {{ valid_hours - 1 }})
            as missing_instruments,
        max(available_at) as reported_available_at,

    from valued

    group by all
    {% if not loop.last %}
    union all
    {% endif %}
    {% endfor %}

),

linked as (

    select
        *,
        epoch(hour_at)::bigint // 3600 - 420000 as hour_number,
        (reported_usd - entered_usd + left_usd)::double as linked_usd,
        -- Nothing to link with: the series starts here.
        reported_usd <= 0 or linked_usd <= 0 as is_beginning,
        case
            when is_beginning then 0
            else try_cast(
                round({{ natural_log('(reported_usd::double / linked_usd)') }}, 12)
                as decimal(38, 12)
            )
        end as step,
        try_cast(round(step::double * hour_number, 12) as decimal(38, 12)) as numbered_step,

    from summed

),

runs as (

    select
        *,
        count(case when is_beginning then 1 end) over (
            partition by base_asset order by hour_at range unbounded preceding
        ) as run_number,

    from linked

),

faded as (

    select
        *,
        (
            ({{ fading_hours }} - hour_number) * sum(step) over while_fading
            + sum(numbered_step) over while_fading
        )::double / {{ fading_hours }} as kept_out,
        max(reported_available_at) over while_fading as available_at,

    from runs

    window while_fading as (
        partition by base_asset, run_number
        order by hour_at
        range between interval {{ fading_hours - 1 }} hour preceding and current row
    )

),

final as (

    select
        hour_at,
        base_asset,
        reported_usd::double as reported_usd,
        entered_usd::double as entered_usd,
        left_usd::double as left_usd,
        reporting_instruments::integer as reporting_instruments,
        missing_instruments::integer as missing_instruments,
        case
            when reporting_instruments > 0
                then round(reported_usd::double * exp(-round(kept_out, 9)), 4)
        end as oi_constant_venues_usd,
        -- Of what is open now, and of that with all steps that are still fading.
        reported_available_at,
        available_at,

    from faded

    where hour_at in {{ build_hours() }}

)

from final
