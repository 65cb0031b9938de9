with

screened as (

    from {{ ref('int_liquidations_screened') }}

    where reject_reason is not null

),

final as (

    select
        batch_id,
        raw_object,
        raw_line,
        row_in_line,
        venue,
        reject_reason,
        parser,
        source_kind,
        instrument,
        raw_side,
        raw_quantity,
        raw_price,
        event_at,
        received_at,
        sealed_at,
        sealed_at as available_at,
        hour_at,

    from screened

)

from final
