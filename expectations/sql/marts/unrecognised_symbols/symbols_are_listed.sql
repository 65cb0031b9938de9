-- Every symbol that no grammar of its venue parses, and every quarantined one, is listed.
-- why: Only this table shows a new contract family.
-- failure: {unexpected_count} symbols were not recognised and are not in unrecognised_symbols, the
--   first {example}
with

unread as (

    select
        hour_at,
        venue,
        'open_interest' as dataset,
        instrument as symbol
    from staging.intermediate.int_open_interest_screened
    where is_unrecognised
    union all
    select
        hour_at,
        venue,
        'funding' as dataset,
        instrument as symbol
    from staging.intermediate.int_funding_screened
    where is_unrecognised
    union all
    select
        hour_at,
        venue,
        'prices' as dataset,
        instrument as symbol
    from staging.intermediate.int_prices_screened
    where is_unrecognised
    union all
    select
        hour_at,
        venue,
        'volumes' as dataset,
        instrument as symbol
    from staging.intermediate.int_volumes_screened
    where is_unrecognised
    union all
    select
        hour_at,
        venue,
        'long_short_ratio' as dataset,
        instrument as symbol
    from staging.intermediate.int_long_short_ratio_screened
    where is_unrecognised
    union all
    select
        hour_at,
        venue,
        'liquidations' as dataset,
        instrument as symbol
    from warehouse.marts.quarantined_liquidations
    where reject_reason in ('garbled_symbol', 'unknown_symbol')

)

select distinct
    unread.hour_at,
    unread.venue,
    unread.dataset,
    unread.symbol
from unread
anti join {batch} as listed using (hour_at, venue, dataset, symbol)
where
    unread.symbol is not null
    and unread.hour_at in (select hour_at from gate.hours_of_unrecognised_symbols)
