-- Each vendor exchange of tardis_units is known, with one unit per quantity, contract type and day.
with

units as (

    select
        *,
        coalesce(valid_from, date '1970-01-01') as from_date,
        coalesce(valid_to, date '9999-12-31') as to_date,

    from {{ ref('tardis_units') }}

),

unknown as (

    select
        exchange,
        quantity,
        'no such exchange' as problem,

    from units

    where exchange not in (select known.exchange from {{ ref('tardis_exchanges') }} as known)

),

doubled as (

    select
        units.exchange,
        units.quantity,
        'two units of one day' as problem,

    from units
    inner join units as others
        on units.exchange = others.exchange
        and units.quantity = others.quantity
        and (
            units.contract_type = others.contract_type
            or others.contract_type = 'any'
        )
        and units.from_date < others.to_date
        and others.from_date < units.to_date

    where (units.contract_type, units.from_date) != (others.contract_type, others.from_date)

)

from unknown
union all
from doubled
