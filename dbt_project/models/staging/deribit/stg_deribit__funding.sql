-- rate: positive means that longs pay; `interest_1h` is what the hour cost. A summary's `funding_8h` is
--   the rate of the last eight hours.
-- time: `timestamp`, an hour's end; a summary's creation_timestamp.
-- https://docs.deribit.com/#public-get_funding_rate_history
with

interpreted as (

    select
        *,
        params ->> 'instrument_name' as instrument,
        {{ epoch_ms_at("entry ->> 'timestamp'") }} as observed_at,
        entry ->> 'interest_1h' as funding_rate,
        1 as interval_hours,
        null::timestamp as next_funding_at,
        true as is_settled,

    from {{ rest_rows(
        'deribit', 'funding', ['/public/get_funding_rate_history'], rows_at='$.result'
    ) }}

    union all by name

    select
        *,
        entry ->> 'funding_8h' as funding_rate,
        8 as interval_hours,
        null::timestamp as next_funding_at,
        false as is_settled,

    from {{ deribit_summaries() }}

    where entry is null or (entry ->> 'funding_8h') is not null

),

{{ staged_funding('deribit', 'interpreted') }}
