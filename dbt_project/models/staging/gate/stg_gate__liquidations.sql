-- side: REST signs the POSITION, above zero a long. Frames sign the liquidation order, below zero
--   selling a long (documented, not verified): the variable `gate_frames_sign` sets order or position.
-- size: contracts of quanto_multiplier coins, BTC_USD ones of 1 USD; REST less what was `left` over.
-- price: REST's fill_price is the average fill. Time: seconds by REST, in frames seconds or ms: the
--   venue dates the change to 2026-08-20, but ms were seen before, so the magnitude decides, not the
--   date. The two cannot be joined: in hours that REST reports, frames only reconcile.
-- published at: a frame's `time_ms`, else its `time` in seconds; REST states none.
-- https://www.gate.com/docs/developers/apiv4/en/#list-liquidation-history
-- https://www.gate.com/docs/developers/futures/ws/en/#public-liquidates-notification
with

{{ message_rows(
    'gate',
    rows_at='$.result',
    envelope_fields={
        'channel': '$.channel', 'event': '$.event', 'published_ms': '$.time_ms',
        'published_s': '$.time',
    },
    control_frames="channel != 'futures.public_liquidates' or event in ('subscribe', 'unsubscribe')",
    recognised='channel is not null',
    rest=gate_paths('liq_orders'),
    row_fields={
        'instrument': '$.contract', 'size': '$.size', 'order_size': '$.order_size',
        'not_filled': '$.left', 'fill_price': '$.fill_price', 'order_price': '$.order_price',
        'frame_price': '$.price', 'event_time': '$.time',
    },
    published_at="coalesce(" ~ epoch_ms_at('published_ms') ~ ", " ~ epoch_s_at('published_s') ~ ")",
) }}

named_fields as (

    select
        * exclude (reject_reason),
        source_kind = 'rest' as is_rest,
        coalesce(order_size, size) as ordered,
        if(
            is_rest,
            try_cast(
                abs(try_cast(ordered as decimal(37, 12)))
                - coalesce(abs(try_cast(not_filled as decimal(37, 12))), 0) as varchar
            ),
            ltrim(size, '-')
        ) as raw_quantity,
        coalesce(
            {{ epoch_ms_at('event_time') }},
            {{ epoch_s_at('event_time') }}
        ) as event_at,
        coalesce(
            reject_reason, if(size is null or instrument is null, 'missing_field', null)
        ) as reject_reason,

    from messages

),

interpreted as (

    select
        * exclude (size),
        if(is_rest, 'gate.liq_orders_rest@1', 'gate.public_liquidates_frame@1') as parser,
        if(contract_type = 'inverse', 1, null) as contract_size,
        'liquidation' as event_kind,
        case
            when try_cast(size as double) = 0 then null
            when (try_cast(size as double) > 0)
                = (
                    is_rest
                    or '{{ assumption("gate_frames_sign", ["order", "position"]) }}' = 'position'
                )
                then 'long'
            when size is not null then 'short'
        end as liquidated_side,
        'venue' as event_at_source,
        if(try_cast(size as double) > 0, 'positive', 'negative') as raw_side,
        'contracts' as raw_quantity_unit,
        if(is_rest, fill_price, frame_price) as raw_price,
        raw_price as valued_price,
        if(is_rest, 'fill_avg', 'unknown') as price_kind,
        null::varchar as order_key,
        concat_ws(
            '|', instrument, epoch_ms(event_at), {{ number_key('size') }},
            {{ number_key('order_size') }}, {{ number_key('raw_price') }},
            {{ number_key('not_filled') }}
        ) as natural_key,
        raw_line::varchar as dedup_scope,
        1 as copies_per_row,

    from named_fields

),

{{ staged_liquidations('gate', 'interpreted', sources_agree=false) }}
