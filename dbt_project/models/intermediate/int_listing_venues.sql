-- One row per venue of which a listing of contracts has landed. Only then can an instrument be missing
-- from it; of a venue without one, files of recorded data name the instruments themselves.
with

versions as (

    from {{ ref('int_instrument_versions') }}

),

final as (

    select distinct venue,

    from versions

    where specification_source = 'snapshot'

)

from final
