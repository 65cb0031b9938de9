-- size: in the stated unit: contracts, units of the instrument's base (a 1000PEPE is one), or
--   dollars; figures stated to count both sides are halved.
-- time: the instant at which it was measured.
-- The columns are the user's own: docs/imports.md, oi-csv.
with

typed as (

    from {{ own_csv_rows(
        'open_interest', 'oi-csv', ['instrument', 'time', 'open_interest', 'unit', 'sides'],
        time='time', series=['instrument'],
    ) }}

),

one_sided as (

    select
        * exclude (reject_reason),
        if(sides = 'two', {{ half_of_both_sides('open_interest') }}::varchar, open_interest)
            as one_side,
        case
            when reject_reason is not null then reject_reason
            when unit not in ('contracts', 'base', 'usd') then 'unknown_unit'
            when sides not in ('one', 'two') then 'unknown_sides'
        end as reject_reason,

    from typed

),

interpreted as (

    select
        *,
        if(unit = 'contracts', one_side, null) as oi_contracts,
        if(unit = 'base', one_side, null) as oi_base,
        if(unit = 'usd', one_side, null) as oi_usd,

    from one_sided

),

{{ staged_open_interest(none, 'interpreted', required=['unit', 'sides']) }}
