-- Every readable staged sighting of a funding rate, of every venue, with its times alone. Parts held by
-- the landed gate are included: settlement times are usable before a figure is trusted, and the hours
-- of an interval do not depend on a verdict.
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
