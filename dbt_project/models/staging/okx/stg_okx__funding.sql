-- rate: the settled one is realizedRate, where given, else fundingRate; funding-rate's is the running
--   estimate for its fundingTime. Positive means that longs pay.
-- interval: the gap between settlements in the batch; else fundingTime to nextFundingTime; else 8 h.
-- time: fundingTime of settlements, `ts` of estimates (older answers have none: ours).
-- https://www.okx.com/docs-v5/en/#public-data-rest-api-get-funding-rate-history
with

history_answers as (

    from {{ rest_rows(
        'okx', 'funding', ['/api/v5/public/funding-rate-history'], rows_at='$.data'
    ) }}

),

current_answers as (

    from {{ rest_rows(
        'okx', 'premium_index', ['/api/v5/public/funding-rate'], rows_at='$.data'
    ) }}

),

current_rates as (

    select
        *,
        entry ->> 'instId' as instrument,
        coalesce(
            {{ epoch_ms_at("entry ->> 'ts'") }}, received_at, sealed_at
        ) as observed_at,
        false as is_settled,
        entry ->> 'fundingRate' as funding_rate,
        nullif(
            date_diff(
                'hour',
                {{ epoch_ms_at("entry ->> 'fundingTime'") }},
                {{ epoch_ms_at("entry ->> 'nextFundingTime'") }}
            ),
            0
        )::double as stated_interval_hours,

    from current_answers

),

stated_intervals as (

    select
        batch_id,
        instrument,
        min(stated_interval_hours) as interval_hours,

    from current_rates

    group by all

),

settled as (

    select
        *,
        entry ->> 'instId' as instrument,
        {{ epoch_ms_at("entry ->> 'fundingTime'") }} as observed_at,
        true as is_settled,
        coalesce(nullif(entry ->> 'realizedRate', ''), entry ->> 'fundingRate') as funding_rate,

    from history_answers

),

settled_gaps as (

    select
        *,
        {{ settlement_gap_hours() }} as gap_hours,

    from settled

),

meant as (

    select
        settled_gaps.* exclude (gap_hours),
        coalesce(settled_gaps.gap_hours, stated_intervals.interval_hours, 8) as interval_hours,

    from settled_gaps
    left join stated_intervals using (batch_id, instrument)

    union all by name

    select
        * exclude (stated_interval_hours),
        coalesce(stated_interval_hours, 8) as interval_hours,

    from current_rates

    where entry is null or nullif(funding_rate, '') is not null

),

{{ staged_funding('okx', 'meant') }}
