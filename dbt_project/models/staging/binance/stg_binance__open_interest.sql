-- size: one-sided. USD-M in base coin with its USD value; COIN-M in contracts, its value in base coin.
-- time: the instant at which the stock was measured. Dumps of USD-M label five minutes by their end
--   in files of days before 2026-06-25 and by their start from then on; COIN-M always by the start.
-- https://github.com/binance/binance-public-data/issues/491
-- https://developers.binance.com/docs/derivatives/usds-margined-futures/market-data/rest-api/Open-Interest-Statistics
with

answered as (

    from {{ rest_rows(
        'binance', 'open_interest', ['/futures/data/openInterestHist', '/v1/openInterest'],
        single='openInterest'
    ) }}

),

from_rest as (

    select
        batch_id,
        raw_object,
        raw_line,
        row_in_line,
        source_kind,
        received_at,
        sealed_at,
        {{ epoch_ms_at("coalesce(entry ->> 'timestamp', entry ->> 'time')") }} as observed_at,
        -- COIN-M statistics name a pair and a kind of contract, the current quarter for instance.
        case
            when (entry ->> 'symbol') is not null then entry ->> 'symbol'
            when (entry ->> 'contractType') = 'PERPETUAL' then (entry ->> 'pair') || '_PERP'
            when (entry ->> 'contractType') in ('CURRENT_QUARTER', 'NEXT_QUARTER')
                then (entry ->> 'pair') || '_' || strftime(
                    {{ quarterly_expiry_at(
                        "observed_at", "if((entry ->> 'contractType') = 'NEXT_QUARTER', 1, 0)"
                    ) }},
                    '%y%m%d'
                )
        end as instrument,
        coalesce(entry ->> 'sumOpenInterest', entry ->> 'openInterest') as open_interest,
        entry ->> 'sumOpenInterestValue' as open_interest_value,
        reject_reason,

    from answered

),

from_dumps as (

    select
        batch_id,
        raw_object,
        raw_line,
        row_in_line,
        'dump' as source_kind,
        received_at,
        sealed_at,
        symbol as instrument,
        measured_at as observed_at,
        sum_open_interest as open_interest,
        sum_open_interest_value as open_interest_value,
        reject_reason,

    from {{ binance_metrics() }}

),

unioned as (

    from from_rest
    union all by name
    from from_dumps

),

interpreted as (

    select
        *,
        {{ is_inverse_by_name('binance', 'instrument') }} as is_inverse,
        if(is_inverse, open_interest, null) as oi_contracts,
        if(is_inverse, open_interest_value, open_interest) as oi_base,
        if(is_inverse, null, open_interest_value) as oi_usd,

    from unioned

),

{{ staged_open_interest('binance', 'interpreted', required=['open_interest']) }}
