-- volume: `foreignNotional24h` in quote coin and `homeNotional24h` in base coin, of the last 24 hours;
--   neither is what its name says for quanto contracts, which are left out.
-- time: the row's `timestamp`.
-- https://www.bitmex.com/api/explorer/#!/Instrument/Instrument_getActive
with

interpreted as (

    select
        *,
        24 as window_hours,
        entry ->> 'homeNotional24h' as volume_base,
        entry ->> 'foreignNotional24h' as volume_usd,

    from {{ bitmex_instruments() }}

    where entry is null
        or (
            coalesce(entry ->> 'isQuanto', 'false') != 'true'
            and (entry ->> 'quoteCurrency') in {{ dollar_quotes() }}
            and nullif(entry ->> 'foreignNotional24h', '') is not null
        )

),

{{ staged_volumes('bitmex', 'interpreted') }}
