-- rate: the running one of the venue's own interval, a fraction or percent by tardis_units; positive means
--   that longs pay.
-- interval: as tardis_units states where the field is a rate of fixed hours; else by the steps of
--   `funding_timestamp`, which is the next settlement (int_funding_intervals).
-- time: `timestamp` in microseconds.
-- https://docs.tardis.dev/downloadable-csv-files#derivative_ticker
with

interpreted as (

    select
        * exclude (funding_rate),
        case unit
            when 'fraction' then funding_rate
            when 'percent' then round(try_cast(funding_rate as double) / 100, 12)::varchar
        end as funding_rate,
        if(
            funding_time = 'next', {{ epoch_us_at(unrounded('funding_timestamp')) }}, null
        ) as next_funding_at,
        false as is_settled,

    from {{ tardis_tickers('funding', "nullif(funding_rate, '') is not null") }}

),

{{ staged_funding(none, 'interpreted', parsed_symbol=tardis_symbol_parts()) }}
