-- size: one-sided, in base coin.
-- time: the answer's `time`.
-- https://github.com/asterdex/api-docs
with

interpreted as (

    select
        *,
        entry ->> 'symbol' as instrument,
        {{ epoch_ms_at("entry ->> 'time'") }} as observed_at,
        null::varchar as oi_contracts,
        entry ->> 'openInterest' as oi_base,
        null::varchar as oi_usd,

    from {{ rest_rows(
        'aster', 'open_interest', ['/fapi/v1/openInterest'], single='openInterest'
    ) }}

),

{{ staged_open_interest('aster', 'interpreted') }}
