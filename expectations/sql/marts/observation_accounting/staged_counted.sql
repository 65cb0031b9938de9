-- Every screened observation is in the staged count of its batch, venue, dataset and hour.
-- why: A part of a batch that is missing from the accounting is missing from every sum over it.
-- failure: {unexpected_count} parts of batches count different observations in
--   observation_accounting than were screened, the first {example}
with

screened as (

    select
        batch_id,
        venue,
        'open_interest' as dataset,
        hour_at
    from staging.intermediate.int_open_interest_screened
    union all
    select
        batch_id,
        venue,
        'funding' as dataset,
        hour_at
    from staging.intermediate.int_funding_screened
    union all
    select
        batch_id,
        venue,
        'prices' as dataset,
        hour_at
    from staging.intermediate.int_prices_screened
    union all
    select
        batch_id,
        venue,
        'volumes' as dataset,
        hour_at
    from staging.intermediate.int_volumes_screened
    union all
    select
        batch_id,
        venue,
        'long_short_ratio' as dataset,
        hour_at
    from staging.intermediate.int_long_short_ratio_screened
    union all
    select
        batch_id,
        venue,
        'market_caps' as dataset,
        hour_at
    from staging.intermediate.int_market_caps_screened

),

expected as (

    select
        batch_id,
        venue,
        dataset,
        hour_at,
        count(*) as screened_rows
    from screened
    where hour_at in (select hour_at from gate.hours_of_observation_accounting)
    group by all
    union all
    select distinct
        batch_id,
        source as venue,
        'reported_liquidations' as dataset,
        hour_at,
        null as screened_rows
    from warehouse.marts.reported_liquidations
    where hour_at in (select hour_at from gate.hours_of_observation_accounting)

)

select
    expected.batch_id,
    expected.venue,
    expected.dataset,
    expected.hour_at,
    expected.screened_rows,
    accounting.staged
from expected
left join {batch} as accounting
    on expected.batch_id = accounting.batch_id
    and expected.venue = accounting.venue
    and expected.dataset = accounting.dataset
    and expected.hour_at = accounting.hour_at
where
    accounting.staged is null
    or accounting.staged != coalesce(expected.screened_rows, accounting.staged)
