-- interval: the instrument's fundingInterval, in minutes; dated contracts have 0 or none.
-- time: of receipt, as for all listings.
-- https://bybit-exchange.github.io/docs/v5/market/instrument
with

interpreted as (

    select
        *,
        entry ->> 'symbol' as instrument,
        try_cast(entry ->> 'fundingInterval' as double) / 60 as interval_hours,

    from {{ rest_rows(
        'bybit', 'instruments', ['/v5/market/instruments-info'], rows_at='$.result.list'
    ) }}

    where entry is null or coalesce(nullif(entry ->> 'fundingInterval', ''), '0') != '0'

),

{{ staged_funding_intervals('bybit', 'interpreted') }}
