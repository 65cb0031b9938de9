-- rate: of its own interval, a share unless stated in percent; positive means that longs pay.
-- interval: as stated in hours; `from_gaps` leaves it to the settlements around
--   (int_funding_intervals).
-- time: the settlement; of a rate that is not settled, the instant at which it was read.
-- The columns are the user's own: docs/imports.md, funding-csv.
with

typed as (

    from {{ own_csv_rows(
        'funding', 'funding-csv',
        ['instrument', 'time', 'funding_rate', 'interval_hours', 'rate_unit', 'settled'],
        time='time', series=['instrument'],
    ) }}

),

settlements as (

    select
        * exclude (observed_at),
        -- Settlements carry some milliseconds of jitter.
        if(
            coalesce(lower(settled), 'true') = 'true',
            date_trunc('minute', observed_at),
            observed_at
        ) as observed_at,

    from typed

),

interpreted as (

    select
        * exclude (funding_rate, interval_hours, reject_reason),
        if(
            rate_unit = 'percent',
            coalesce(round(try_cast(funding_rate as double) / 100, 15)::varchar, funding_rate),
            funding_rate
        ) as funding_rate,
        nullif(interval_hours, 'from_gaps') as interval_hours,
        null::timestamp as next_funding_at,
        coalesce(lower(settled), 'true') = 'true' as is_settled,
        case
            when reject_reason is not null then reject_reason
            when interval_hours is null then 'missing_field'
            when coalesce(rate_unit, 'share') not in ('share', 'percent') then 'unknown_unit'
            when coalesce(lower(settled), 'true') not in ('true', 'false') then 'unreadable_settled'
        end as reject_reason,

    from settlements

),

{{ staged_funding(none, 'interpreted') }}
