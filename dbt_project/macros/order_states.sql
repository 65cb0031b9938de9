{#-
    Whether a row is an earlier state of an order that a later row of the same batch goes on with; a
    predicate. Binance and those that follow its format send an order each time it is filled, `z`
    being what is filled so far and `l` what was filled last: PARTIALLY_FILLED at 0.4, then FILLED at
    1.0 of which 0.6 last, is one order of 1.0. The messages have no order id, so an order is told by
    its symbol, side, quantity and price, and by what had been filled before (`z` less `l`) being
    this row's `z` or more. A partly filled order that no later row goes on with counts with what it
    filled.

    2026-11-25: all of some 2,200 recorded orders of 2024 and 2025 are FILLED, so this is by the
    documents, not seen; the states of one order are taken to be less than a minute apart.

    Decimals are one digit short of the widest, so that a difference of two fits.

    Needs the columns batch_id, symbol, raw_side, original_quantity, raw_price, order_status,
    filled_quantity, last_filled_quantity (texts) and event_at.
-#}
{% macro is_earlier_state_of_an_order() -%}
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
    Whether an order says the average price of its fills; a predicate. Unfilled orders write 0 and some
    collectors nothing: then the limit price values it. One that cannot be read is no reason to take
    the limit price: the row is refused.

    Needs the column average_price (text).
-#}
{% macro has_average_price() -%}
    (
        coalesce(average_price, '') != ''
        and coalesce(try_cast(average_price as double) != 0, true)
    )
{%- endmacro %}
