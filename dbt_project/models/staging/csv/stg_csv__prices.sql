-- price: bars of spot, of a contract's own trades (last), its mark or its index, as stated.
-- size: the volume's unit is stated: coins (base) or dollars (usd).
-- time: the start of the bar; its length is stated, and it is known at its end.
-- The columns are the user's own: docs/imports.md, bars-csv.
with

typed as (

    from {{ own_csv_rows(
        'bars', 'bars-csv',
        [
            'instrument', 'open_time', 'open', 'high', 'low', 'close', 'bar', 'price_kind',
            'volume', 'volume_unit', 'volume_base', 'volume_usd',
        ],
        time='open_time', series=['instrument', 'price_kind', 'bar'],
    ) }}

),

interpreted as (

    select
        * exclude (open, high, low, close, volume_base, volume_usd, reject_reason),
        {{ stated_bar_seconds('bar') }} as bar_seconds,
        {{ seconds_after('observed_at', 'bar_seconds') }} as close_at,
        open as open_usd,
        high as high_usd,
        low as low_usd,
        close as close_usd,
        -- A mark or an index is not traded: a volume in such a row is the contract's.
        case
            when price_kind in ('mark', 'index') then null
            when volume_unit = 'base' then coalesce(volume_base, volume)
            else volume_base
        end as volume_base,
        case
            when price_kind in ('mark', 'index') then null
            when volume_unit = 'usd' then coalesce(volume_usd, volume)
            else volume_usd
        end as volume_usd,
        case
            when reject_reason is not null then reject_reason
            when price_kind not in ('spot', 'last', 'mark', 'index') then 'unknown_price_kind'
            when volume is not null and coalesce(volume_unit, '') not in ('base', 'usd')
                then 'unknown_unit'
        end as reject_reason,

    from typed

),

{{ staged_bars(none, 'interpreted') }}
