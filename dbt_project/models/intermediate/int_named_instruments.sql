-- One row per venue and instrument that no listing of contracts names but whose funding interval the
-- venue lists.
with

listed as (

    from {{ ref('int_listed_funding_intervals') }}

),

final as (

    select distinct
        venue,
        instrument,

    from listed

    where not starts_with(instrument, '*')

)

from final
