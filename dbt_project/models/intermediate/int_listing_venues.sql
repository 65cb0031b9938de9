-- One row per venue with a landed listing of contracts. Only there can an instrument be missing; for a
-- venue without one, files of recorded data name the instruments themselves.
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
