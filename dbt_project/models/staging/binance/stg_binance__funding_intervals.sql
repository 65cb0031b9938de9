-- interval: fundingIntervalHours of contracts whose interval, cap or floor was adjusted; all others of the
--   same market have the usual eight hours.
-- time: of receipt, since the answer has no timestamp.
-- https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api/Get-Funding-Rate-Info
with

answers as (

    from {{ rest_rows('binance', 'funding', ['/v1/fundingInfo']) }}

),

interpreted as (

    select
        *,
        entry ->> 'symbol' as instrument,
        entry ->> 'fundingIntervalHours' as interval_hours,

    from answers

    union all by name

    -- USD-M and COIN-M contracts have separate lists, neither of which covers the other.
    select
        * replace (0 as row_in_line),
        if(contains(url, '/dapi/'), '*inverse', '*linear') as instrument,
        '8' as interval_hours,

    from answers

    where row_in_line = 1
        and entry is not null

),

{{ staged_funding_intervals('binance', 'interpreted') }}
