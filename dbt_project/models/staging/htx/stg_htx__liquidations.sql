-- side: the liquidation ORDER's side, sell closed a long; v5's position_side names the position's.
-- size: `volume` in contracts. `amount` means coins in v3 and frames and contracts in v5, and is not
--   used: a linear contract's size follows from trade_turnover, coin contracts are 100 (BTC) or 10 USD.
-- price: the bankruptcy price; time: created_at or liquidation_time in ms. No throttle is documented.
-- published at: `ts` of a frame, in ms; an answer's `ts` is when it was asked.
-- REST and frames share no id: in hours that REST reports, frames only reconcile.
-- https://www.htx.com/en-us/opend/newApiPages/?id=8cb8295f-77b5-11ed-9966-0242ac110003
with

{{ message_rows(
    'htx',
    rows_at='$.data',
    envelope_fields={'topic': '$.topic', 'operation': '$.op', 'published_ms': '$.ts'},
    control_frames="coalesce(operation != 'notify' or topic not like 'public.%.liquidation_orders', false)",
    recognised='topic is not null or operation is not null',
    rest=[
        '/v5/market/liquidation_orders', '/linear-swap-api/v3/swap_liquidation_orders',
        '/swap-api/v3/swap_liquidation_orders', '/api/v3/contract_liquidation_orders',
    ],
    rest_rows_at='$.data',
    row_fields={
        'instrument': '$.contract_code', 'side': '$.side', 'direction': '$.direction',
        'position_side': '$.position_side', 'raw_quantity': '$.volume',
        'turnover': '$.trade_turnover', 'price': '$.price', 'bankrupt_price': '$.bankrupt_price',
        'created_ms': '$.created_at', 'liquidated_ms': '$.liquidation_time', 'v5_id': '$.id',
    },
    published_at=epoch_ms_at('published_ms'),
) }}

named_fields as (

    select
        * exclude (reject_reason),
        coalesce(side, direction) as raw_side,
        coalesce(bankrupt_price, price) as raw_price,
        {{ epoch_ms_at('coalesce(liquidated_ms, created_ms)') }} as event_at,
        case raw_side when 'sell' then 'long' when 'buy' then 'short' end as liquidated_side,
        coalesce(
            reject_reason,
            if(position_side != liquidated_side, 'contradictory_side', null)
        ) as reject_reason,

    from messages

),

interpreted as (

    select
        *,
        case
            when source_kind = 'stream' then 'htx.liquidation_orders_frame@1'
            when v5_id is not null then 'htx.liquidation_orders_rest@5'
            else 'htx.liquidation_orders_rest@3'
        end as parser,
        case
            when contract_type = 'linear' then round(
                try_cast(turnover as double)
                / nullif(try_cast(raw_quantity as double) * try_cast(raw_price as double), 0),
                9
            )
            when venue_asset = 'BTC' then 100
            else 10
        end as contract_size,
        'liquidation' as event_kind,
        'venue' as event_at_source,
        'contracts' as raw_quantity_unit,
        raw_price as valued_price,
        'bankruptcy' as price_kind,
        null::varchar as order_key,
        concat_ws(
            '|', instrument, epoch_ms(event_at), raw_side, {{ number_key('raw_quantity') }},
            {{ number_key('raw_price') }}
        ) as row_key,
        raw_line::varchar as dedup_scope,
        1 as copies_per_row,

    from named_fields

),

-- Rows that differ in their id alone are two events, though the second begins the next page.
keyed as (

    select
        * exclude (row_key),
        dense_rank() over (
            partition by batch_id, raw_object, row_key
            order by try_cast(v5_id as bigint)
        ) as place_among_equals,
        row_key || if(place_among_equals > 1, '|' || place_among_equals, '') as natural_key,

    from interpreted

),

{{ staged_liquidations('htx', 'keyed', sources_agree=false) }}
