-- side: of the liquidation ORDER for every venue, as the vendor normalises it: sell closed a long.
-- size: `amount` in the unit that tardis_units states for the vendor's exchange; price: as the venue
--   publishes it, its kind is there too. time: `timestamp` in microseconds; local_timestamp is the
--   vendor's clock.
-- published at: unknown; of Bybit's rows from 2023-04-05 until 2025-02-26 the vendor took `timestamp`
--   from the push (`ts` of a frame), of all others from the liquidation.
--   https://github.com/tardis-dev/tardis-node/blob/master/src/mappers/bybit.ts
-- The vendor records the same streams, so its rows have the venue's throttle. They have too few fields
-- to be joined with them: in hours covered from the venue itself, they only reconcile.
-- https://docs.tardis.dev/downloadable-csv-files#liquidations
with

vendor_rows as (

    from {{ tardis_rows([
        'exchange', 'symbol', 'timestamp', 'local_timestamp', 'id', 'side', 'price', 'amount',
    ], 'liquidation') }}

),

interpreted as (

    select
        vendor_rows.* exclude (price_kind),
        'tardis.liquidations_csv@1' as parser,
        'row' as line_class,
        -- Other contracts have the size in their listing, or none.
        case
            when vendor_rows.unit != 'contracts' then 1
            when vendor_rows.contract_type = 'inverse' then {{ inverse_size() }}
        end as contract_size,
        'liquidation' as event_kind,
        case vendor_rows.side
            when 'sell' then 'long'
            when 'buy' then 'short'
        end as liquidated_side,
        vendor_rows.written_at as event_at,
        'venue' as event_at_source,
        case
            when vendor_rows.venue = 'bybit'
                and vendor_rows.written_at >= timestamp '2023-04-05'
                and vendor_rows.written_at < timestamp '2025-02-26'
                then vendor_rows.written_at
        end as published_at,
        vendor_rows.side as raw_side,
        vendor_rows.amount as raw_quantity,
        vendor_rows.unit as raw_quantity_unit,
        vendor_rows.price as raw_price,
        vendor_rows.price as valued_price,
        coalesce(vendor_rows.price_kind, 'unknown') as price_kind,
        null::varchar as order_key,
        concat_ws(
            '|', 'tardis', vendor_rows.instrument, vendor_rows.timestamp, vendor_rows.side,
            {{ number_key('vendor_rows.amount') }}, {{ number_key('vendor_rows.price') }},
            vendor_rows.id
        ) as natural_key,
        '' as dedup_scope,
        1 as copies_per_row,
        case
            when vendor_rows.has_wrong_width then 'wrong_column_count'
            when not vendor_rows.is_of_venue then 'unknown_vendor_exchange'
            when vendor_rows.is_of_no_unit then 'unknown_vendor_unit'
        end as reject_reason,

    from vendor_rows
    {{ inverse_size_joins('vendor_rows') }}

),

{{ staged_liquidations(none, 'interpreted', source_rank=3) }}
