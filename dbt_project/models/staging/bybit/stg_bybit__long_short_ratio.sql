-- ratio: share of accounts that are net long over the share that is net short.
-- time: the row's `timestamp`.
-- https://bybit-exchange.github.io/docs/v5/market/long-short-ratio
with

answered as (

    from {{ rest_rows(
        'bybit', 'long_short_ratio', ['/v5/market/account-ratio'], rows_at='$.result.list'
    ) }}

),

meant as (

    select
        *,
        'rest' as source_kind,
        coalesce(entry ->> 'symbol', params ->> 'symbol') as instrument,
        {{ epoch_ms_at("entry ->> 'timestamp'") }} as observed_at,
        'accounts' as ratio_kind,
        -- Shares are published with four digits; more would be made up.
        round(
            try_cast(entry ->> 'buyRatio' as double)
            / nullif(try_cast(entry ->> 'sellRatio' as double), 0),
            4
        ) as long_short_ratio,
        if(entry is null, 'unreadable_json', null) as reject_reason,

    from answered

),

{{ staged_observations(
    'bybit',
    'meant',
    numbers={'long_short_ratio': 'not_negative'},
    required=['long_short_ratio'],
    kept=['ratio_kind'],
) }}
