{#-
    The CTE `orders`: the rows of a relation, each earlier state of an order that a later row of the same
    batch continues as line_class `other`. Binance and venues with its format send an order at each fill,
    where `z` is the total filled and `l` the last fill: PARTIALLY_FILLED with z 0.4, then FILLED with
    z 1.0 and l 0.6, is one order of 1.0. The messages have no order id, so an order is identified by its
    symbol, side, quantity and price; a later state's previous total (`z` less `l`) is this row's `z` or
    more. A partly filled order without a later state counts with its filled quantity.

    2026-11-25: all of some 2,200 recorded orders of 2024 and 2025 are FILLED, so this follows the
    documentation and no recording; states of one order are assumed to be less than a minute apart.
    2026-11-27: so hardly any row needs to be compared with others, and comparing all of them takes a
    third of the time of staging: only orders of a quantity that is also sent partly filled are, and
    none where no raw line has the word.

    `relation` names a CTE, materialized where `has_partly_filled_orders` (it is read three times then),
    with the columns batch_id, line_class, symbol, raw_side, original_quantity, raw_price, order_status,
    filled_quantity, last_filled_quantity (texts) and event_at.
-#}
{% macro last_states_of_orders(relation, has_partly_filled_orders) -%}
{%- if not has_partly_filled_orders -%}
orders as not materialized (

    from {{ relation }}

),
{%- else -%}
{%- set of_one_order -%}
        on states.batch_id is not distinct from partly_filled.batch_id
        and states.symbol is not distinct from partly_filled.symbol
        and states.raw_side is not distinct from partly_filled.raw_side
        and try_cast(states.original_quantity as double)
        is not distinct from partly_filled.original_quantity
{%- endset -%}
partly_filled as (

    select distinct
        batch_id,
        symbol,
        raw_side,
        try_cast(original_quantity as double) as original_quantity,

    from {{ relation }}

    where line_class = 'row' and order_status = 'PARTIALLY_FILLED'

),

orders as (

    select states.*,

    from {{ relation }} as states
    anti join partly_filled
        {{ of_one_order }}

    union all by name

    select
        states.* exclude (line_class),
        if(
            line_class = 'row' and {{ _is_earlier_state_of_an_order() }}, 'other', line_class
        ) as line_class,

    from {{ relation }} as states
    semi join partly_filled
        {{ of_one_order }}

),
{%- endif -%}
{%- endmacro %}


{#-
    Whether a raw line that is being built may hold an order which is sent partly filled: a boolean,
    true where it cannot be looked up. `formats` are those of the venue's files with such orders.
-#}
{% macro may_have_partly_filled_orders(venue, formats) -%}
    {%- if not has_warehouse() -%}
        {{ return(true) }}
    {%- endif -%}
    {%- set of_formats = [] -%}
    {%- for format in formats -%}
        {%- do of_formats.append(
            "exists(select 1 from " ~ raw_lines(venue, 'liquidations', format) ~ " as lines where "
            ~ may_have_text('text', 'PARTIALLY_FILLED') ~ ")"
        ) -%}
    {%- endfor -%}
    {{ return(run_query("select " ~ of_formats | join(" or ")).rows[0][0]) }}
{%- endmacro %}


{#-
    Whether a row is a state of an order that a later row continues; a predicate.

    Decimals are one digit narrower than the widest, so that a difference of two fits.
-#}
{% macro _is_earlier_state_of_an_order() -%}
    coalesce(
        order_status = 'PARTIALLY_FILLED'
        and max(
            coalesce(
                try_cast(filled_quantity as decimal(37, 12))
                - try_cast(last_filled_quantity as decimal(37, 12)),
                try_cast(filled_quantity as decimal(37, 12))
            )
        ) over (
            partition by
                batch_id, symbol, raw_side,
                {{ number_key('original_quantity') }}, {{ number_key('raw_price') }}
            order by epoch_ms(event_at)
            range between current row and 60000 following
        ) >= try_cast(filled_quantity as decimal(37, 12)),
        false
    )
{%- endmacro %}


{#-
    Whether an order has the average price of its fills; a predicate. Unfilled orders have 0 and some
    collectors' files nothing: then the limit price values it. An unreadable average price rejects the
    row instead of falling back to the limit price.

    Needs the column average_price (text).
-#}
{% macro has_average_price() -%}
    (
        coalesce(average_price, '') != ''
        and coalesce(try_cast(average_price as double) != 0, true)
    )
{%- endmacro %}
