-- One row per venue and instrument that exists though no listing of contracts names it: the venue lists
-- its funding interval.
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
