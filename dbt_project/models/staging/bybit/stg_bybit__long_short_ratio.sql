-- ratio: share of accounts that are net long over the share that is net short.
-- time: the row's `timestamp`.
-- https://bybit-exchange.github.io/docs/v5/market/long-short-ratio
with

interpreted as (

    select
        *,
        coalesce(entry ->> 'symbol', params ->> 'symbol') as instrument,
        {{ epoch_ms_at("entry ->> 'timestamp'") }} as observed_at,
        'accounts' as ratio_kind,
        -- Shares are published with four digits; more would be spurious.
        round(
            try_cast(entry ->> 'buyRatio' as double)
            / nullif(try_cast(entry ->> 'sellRatio' as double), 0),
            4
        ) as long_short_ratio,

    from {{ rest_rows(
        'bybit', 'long_short_ratio', ['/v5/market/account-ratio'], rows_at='$.result.list'
    ) }}

),

{{ staged_long_short_ratio('bybit', 'interpreted') }}
