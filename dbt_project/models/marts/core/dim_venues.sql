with

rules as (

    from {{ ref('int_publication_rules') }}

),

final as (

    select
        venue,
        venue_name,
        source_kind,
        publication_rule,
        publication_window,
        valid_from,
        valid_to,
        price_kind,
        source,

    from rules

)

from final
