-- ratio: share that is long over share that is short, of accounts and of positions, and taker buys over
--   taker sells. Computed from the two: the venue's own quotient was recorded a hundredfold too small
--   (0.7724 over 0.2276 as 0.0339). Whose accounts and positions is not documented; nothing mentions top
--   traders. Volumes are in coins, judging by their size.
-- time: `ts` (ms), oldest first. Whether it is a period's start or end is not documented: taken as the
--   start, so that a flow is available at its end and a figure counts once its period is over.
-- https://www.bitget.com/api-doc/common/apidata/Account-Long-Short
-- https://www.bitget.com/api-doc/common/apidata/Position-Long-Short
-- https://www.bitget.com/api-doc/common/apidata/Taker-Buy-Sell
with

answered as (

    from {{ rest_rows(
        'bitget', 'long_short_ratio',
        [
            '/mix/market/account-long-short',
            '/mix/market/position-long-short',
            '/mix/market/taker-buy-sell',
        ],
        rows_at='$.data'
    ) }}

),

periods as (

    select
        * exclude (reject_reason),
        params ->> 'symbol' as instrument,
        case regexp_extract(url, '[^/]+$')
            when 'account-long-short' then 'accounts'
            when 'position-long-short' then 'positions'
            when 'taker-buy-sell' then 'taker_volume'
        end as ratio_kind,
        {{ epoch_ms_at("entry ->> 'ts'") }} as started_at,
        {{ seconds_after('started_at', bar_seconds("coalesce(params ->> 'period', '5m')")) }}
            as ended_at,
        coalesce(
            reject_reason,
            if({{ is_unfinished('ended_at') }}, 'unfinished_bar', null)
        ) as reject_reason,

    from answered

),

interpreted as (

    select
        *,
        if(ratio_kind = 'taker_volume', ended_at, started_at) as observed_at,
        -- Shares have four digits; more would be spurious.
        round(
            try_cast(
                coalesce(
                    entry ->> 'longAccountRatio',
                    entry ->> 'longPositionRatio',
                    entry ->> 'buyVolume'
                ) as double
            )
            / nullif(
                try_cast(
                    coalesce(
                        entry ->> 'shortAccountRatio',
                        entry ->> 'shortPositionRatio',
                        entry ->> 'sellVolume'
                    ) as double
                ),
                0
            ),
            4
        ) as long_short_ratio,

    from periods

),

{{ staged_long_short_ratio('bitget', 'interpreted') }}
