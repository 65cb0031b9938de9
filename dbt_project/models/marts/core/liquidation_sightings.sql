with

screened as not materialized (

    from {{ ref('int_liquidations_screened') }}

    where reject_reason is null
        and not is_reconciling

),

seen_again as (

    from {{ ref('int_liquidations_seen_again') }}

),

-- The winning sighting does not depend on the order of arrival: source kinds are ranked (a vault's own
-- fills, which show one side of a trade, rank below the node's, which show both), then the earliest
-- receipt wins, then the position in the raw zone.
ranked as (

    select
        *,
        row_number() over (
            partition by liquidation_id
            order by
                case
                    when parser in ('{{ var('one_sided_parsers') | join("', '") }}') then 4
                    when source_kind = 'stream' then 1
                    when source_kind = 'rest' then 2
                    when source_kind = 'dump' then 3
                    else 5
                end,
                received_at nulls last,
                raw_object,
                raw_line,
                row_in_line,
                sealed_at,
                batch_id
        ) as sighting_rank,

    from screened
    semi join seen_again
        on screened.liquidation_id = seen_again.liquidation_id

    union all

    select
        *,
        1 as sighting_rank,

    from screened
    anti join seen_again
        on screened.liquidation_id = seen_again.liquidation_id

),

final as (

    select
        liquidation_id,
        sighting_rank::integer as sighting_rank,
        venue,
        source_kind,
        parser,
        published_at,
        received_at,
        available_at,
        raw_object,
        raw_line,
        row_in_line,
        batch_id,
        hour_at,

    from ranked

)

from final
