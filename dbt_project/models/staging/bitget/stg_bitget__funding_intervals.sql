-- interval: the instrument's fundInterval, in hours; dated contracts have 0 or none.
-- time: of receipt, as for all listings.
-- https://www.bitget.com/api-doc/uta/public/Instruments
with

interpreted as (

    select
        *,
        entry ->> 'symbol' as instrument,
        entry ->> 'fundInterval' as interval_hours,

    from {{ rest_rows('bitget', 'instruments', ['/api/v3/market/instruments'], rows_at='$.data') }}

    where entry is null or coalesce(nullif(entry ->> 'fundInterval', ''), '0') != '0'

),

{{ staged_funding_intervals('bitget', 'interpreted') }}
