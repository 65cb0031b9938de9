-- side: the liquidation ORDER's side, SELL closes a long.
-- size: `z` (filled) in base coin; price: `ap` is the average fill, `p` the limit price.
-- time: `T` in ms; published at `E`, in ms. At most the latest event per symbol and second is
--   published.
-- https://github.com/asterdex/api-docs
{% set has_partly_filled_orders = may_have_partly_filled_orders('aster', ['frames']) %}
with

{{ message_rows(
    'aster',
    nested_row='$.data',
    control_frames="coalesce("
        ~ "event_kind != 'forceOrder', case when json_valid(entry) then json_exists(entry, '$.result') end"
        ~ ")",
    recognised='event_kind is not null',
    row_fields={
        'event_kind': '$.e', 'instrument': '$.o.s', 'raw_side': '$.o.S',
        'original_quantity': '$.o.q', 'raw_price': '$.o.p', 'average_price': '$.o.ap',
        'raw_quantity': '$.o.z', 'last_filled_quantity': '$.o.l', 'order_status': '$.o.X',
        'event_ms': '$.o.T', 'published_ms': '$.E',
    },
    published_at=epoch_ms_at('published_ms'),
) }}

dated as {{ "not " if not has_partly_filled_orders }}materialized (

    select
        *,
        instrument as symbol,
        raw_quantity as filled_quantity,
        {{ epoch_ms_at('event_ms') }} as event_at,

    from messages

),

-- An order filled in parts is sent in each of its states: the last one counts.
{{ last_states_of_orders('dated', has_partly_filled_orders) }}

interpreted as not materialized (

    select
        * exclude (event_kind),
        'aster.force_order_frame@1' as parser,
        1 as contract_size,
        'liquidation' as event_kind,
        case raw_side when 'SELL' then 'long' when 'BUY' then 'short' end as liquidated_side,
        'venue' as event_at_source,
        'base' as raw_quantity_unit,
        if({{ has_average_price() }}, average_price, raw_price) as valued_price,
        if({{ has_average_price() }}, 'fill_avg', 'limit_order') as price_kind,
        null::varchar as order_key,
        concat_ws(
            '|', instrument, raw_side, event_ms, {{ number_key('original_quantity') }},
            {{ number_key('raw_quantity') }}, {{ number_key('raw_price') }},
            {{ number_key('average_price') }}
        ) as natural_key,
        raw_line::varchar as dedup_scope,
        1 as copies_per_row,

    from orders

),

{{ staged_liquidations('aster', 'interpreted', rows_in_scope='rows_in_line') }}
