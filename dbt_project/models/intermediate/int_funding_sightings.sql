-- Every staged sighting of a funding rate that can be read, of every venue, with what it says of time alone.
-- Parts that the landed gate holds are in it: when a contract settled is known before a figure is believed,
-- and the hours that an interval reaches do not hang on a verdict.
with

staged as (

    from {{ ref('int_funding_staged') }}

),

final as (

    select
        batch_id,
        venue,
        instrument,
        contract_type,
        observed_at,
        is_settled,
        interval_hours,
        date_trunc('minute', next_funding_at) as next_funding_at,
        hour_at,
        source_kind,
        received_at,
        raw_object,
        raw_line,
        row_in_line,

    from staged

    where reject_reason is null

)

from final
