-- rate: the settled one is realizedRate, where given, else fundingRate; funding-rate's is the running
--   estimate for its fundingTime. Positive means that longs pay.
-- interval: fundingTime to nextFundingTime; of settlements by their steps, and by what was announced then
--   (int_funding_intervals).
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
        {{ epoch_ms_at("entry ->> 'fundingTime'") }} as next_funding_at,
        nullif(
            date_diff(
                'hour', next_funding_at, {{ epoch_ms_at("entry ->> 'nextFundingTime'") }}
            ),
            0
        ) as interval_hours,

    from current_answers

),

settled as (

    select
        *,
        entry ->> 'instId' as instrument,
        {{ epoch_ms_at("entry ->> 'fundingTime'") }} as observed_at,
        null as interval_hours,
        null::timestamp as next_funding_at,
        true as is_settled,
        coalesce(nullif(entry ->> 'realizedRate', ''), entry ->> 'fundingRate') as funding_rate,

    from history_answers

),

interpreted as (

    from settled

    union all by name

    from current_rates

    where entry is null or nullif(funding_rate, '') is not null

),

{{ staged_funding('okx', 'interpreted') }}
