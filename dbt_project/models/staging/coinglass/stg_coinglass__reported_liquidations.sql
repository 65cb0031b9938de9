-- side: sums of long and of short positions, over all contracts of a coin at an exchange.
-- unit: USD.
-- time: `time`, the start of the bar, in ms (the pages also show it in seconds).
-- The coin, the exchange and the bar's length are those of the request; a response to a request for
-- several exchanges belongs to none of them.
-- https://docs.coinglass.com/reference/aggregated-liquidation-history
with

asked_for as (

    select
        *,
        params ->> 'exchange_list' as exchange,
        params ->> 'symbol' as instrument,
        params ->> 'symbol' as asset,
        {{ bar_seconds("params ->> 'interval'") }} as bar_seconds,

    from {{ rest_rows(
        'coinglass', 'reported_liquidations', ['/liquidation/aggregated-history'],
        rows_at='$.data', cut_lines=true
    ) }}

),

interpreted as (

    select
        * exclude (reject_reason),
        coalesce(
            {{ epoch_ms_at("entry ->> 'time'") }}, {{ epoch_s_at("entry ->> 'time'") }}
        ) as observed_at,
        entry ->> 'aggregated_long_liquidation_usd' as long_usd,
        entry ->> 'aggregated_short_liquidation_usd' as short_usd,
        case
            when reject_reason is not null then reject_reason
            when contains(exchange, ',') then 'several_exchanges'
        end as reject_reason,

    from asked_for

),

{{ staged_reported_liquidations('coinglass', 'interpreted') }}
