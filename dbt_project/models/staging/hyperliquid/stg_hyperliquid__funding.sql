-- rate: per HOUR; positive means that longs pay. A context's `funding` is the running estimate.
-- interval: always 1 hour.
-- time: settlements floored to the minute; contexts at the time of receipt, archive rows at their minute.
-- https://hyperliquid.gitbook.io/hyperliquid-docs/trading/funding
with

settled as (

    select
        answered.*,
        entry ->> 'coin' as instrument,
        date_trunc('minute', {{ epoch_ms_at("entry ->> 'time'") }}) as observed_at,
        entry ->> 'fundingRate' as funding_rate,
        true as is_settled,
        -- The history does not state a contract's quote asset.
        coalesce(
            dex_quotes.quote_asset, if(contains(entry ->> 'coin', ':'), 'unknown', 'USDC')
        ) as quote_asset,

    from {{ rest_rows('hyperliquid', 'funding', ['/info']) }} as answered
    left join {{ hyperliquid_dex_quotes() }} as dex_quotes
        on contains(answered.entry ->> 'coin', ':')
        and split_part(answered.entry ->> 'coin', ':', 1) = dex_quotes.dex

    where (answered.asked ->> 'type') = 'fundingHistory'

),

estimates as (

    select
        *,
        coin as instrument,
        funding as funding_rate,
        false as is_settled,

    from {{ hyperliquid_contexts() }}

    where not is_delisted

),

interpreted as (

    select
        *,
        1 as interval_hours,
        null::timestamp as next_funding_at,

    from (
        from settled
        union all by name
        from estimates
    ) as rates

),

{{ staged_funding(
    'hyperliquid', 'interpreted', parsed_symbol=hyperliquid_symbol_parts_in('instrument', 'quote_asset')
) }}
