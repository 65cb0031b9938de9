-- size: one-sided; USD of PI and FI contracts, base coin of PF and FF ones. Tickers give `openInterest`,
--   analytics open, high, low and close of a step: the close is taken (or the number, if it is one).
-- time: tickers at the answer's `serverTime`; a close at its step's end, once that is over. `timestamp`
--   (seconds) is the step's start, as clients read it; the documentation does not state it.
-- https://docs.kraken.com/api/docs/futures-api/trading/get-tickers
-- https://docs.kraken.com/api/docs/futures-api/charts/analytics
with

steps as (

    select
        * exclude (entry, reject_reason),
        regexp_extract(url, '/analytics/([^/]+)/open-interest$', 1) as instrument,
        {{ epoch_s_at("entry::varchar") }} as step_at,
        {{ seconds_after('step_at', "try_cast(params ->> 'interval' as integer)") }} as observed_at,
        if(json_type(step) = 'ARRAY', step ->> 3, step ->> '$') as open_interest,
        coalesce(
            reject_reason,
            if({{ is_unfinished('observed_at') }}, 'unfinished_bar', null)
        ) as reject_reason,

    from {{ rest_rows(
        'kraken_futures', 'open_interest', ['/open-interest'], rows_at='$.result.timestamp',
        lists={'step': '$.result.data'}
    ) }}

),

answered as (

    select
        *,
        entry ->> 'openInterest' as open_interest,

    from {{ kraken_futures_tickers() }}

    union all by name

    from steps

),

interpreted as (

    select
        *,
        {{ is_inverse_by_name('kraken_futures', 'instrument') }} as is_inverse,
        null::varchar as oi_contracts,
        if(is_inverse, null, open_interest) as oi_base,
        if(is_inverse, open_interest, null) as oi_usd,

    from answered

),

{{ staged_open_interest('kraken_futures', 'interpreted') }}
