-- volume: `daily_quote_token_volume` in USDC and `daily_base_token_volume` in base coin. Which day is
--   not documented: taken as the last 24 hours.
-- time: of receipt, since the answer has no timestamp.
-- https://apidocs.lighter.xyz/reference/orderbookdetails
with

interpreted as (

    select
        *,
        24 as window_hours,
        entry ->> 'daily_base_token_volume' as volume_base,
        entry ->> 'daily_quote_token_volume' as volume_usd,

    from {{ lighter_markets() }}

    where entry is null or nullif(entry ->> 'daily_quote_token_volume', '') is not null

),

{{ staged_volumes('lighter', 'interpreted') }}
