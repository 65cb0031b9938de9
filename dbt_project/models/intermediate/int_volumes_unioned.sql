-- Every good and not held sighting of every venue, named by its instrument's listing of that time.
with

final as (

    select * exclude (is_unrecognised, raw_values, reject_reason),

    from {{ ref('int_volumes_screened') }}

    where reject_reason is null

)

from final
