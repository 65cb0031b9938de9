{{ config(materialized='table') }}

with

rules as (

    from {{ ref('venue_publication_rules') }}

),

final as (

    select
        venue,
        venue_name,
        publication_rule,
        valid_from,
        valid_to,
        price_kind,
        source,

    from rules

)

from final
