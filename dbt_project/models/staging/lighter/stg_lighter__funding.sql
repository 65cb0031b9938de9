-- rate: per HOUR, in percent; `direction` says who pays: long is positive.
-- time: `timestamp` in seconds.
-- https://apidocs.lighter.xyz/reference/fundings
with

interpreted as (

    select
        *,
        params ->> 'market_id' as instrument,
        {{ epoch_s_at("entry ->> 'timestamp'") }}
            as observed_at,
        round(
            try_cast(entry ->> 'rate' as double) / 100
            * case entry ->> 'direction' when 'long' then 1 when 'short' then -1 end,
            12
        ) as funding_rate,
        1 as interval_hours,
        null::timestamp as next_funding_at,
        true as is_settled,

    from {{ rest_rows('lighter', 'funding', ['/api/v1/fundings'], rows_at='$.fundings') }}

),

{{ staged_funding('lighter', 'interpreted') }}
