-- side: sums of long and of short positions, by coin or contract and exchange, as the file states.
-- unit: as stated, dollars or coins.
-- time: the start of the bar. Rows before the source's first valid day are padding, not data.
-- The columns are the user's own: docs/imports.md, reported-csv.
with

typed as (

    from {{ own_csv_rows(
        'reported_liquidations', 'reported-csv',
        [
            'exchange', 'asset', 'instrument', 'time', 'long', 'short', 'unit', 'bar',
            'first_valid_day',
        ],
        time='time', series=['exchange', 'asset', 'instrument', 'bar'],
    ) }}

),

interpreted as (

    select
        * exclude (asset, instrument, reject_reason),
        upper(asset) as asset,
        coalesce(instrument, upper(asset)) as instrument,
        {{ stated_bar_seconds('bar') }} as bar_seconds,
        if(unit = 'usd', long, null) as long_usd,
        if(unit = 'usd', short, null) as short_usd,
        if(unit = 'base', long, null) as long_base,
        if(unit = 'base', short, null) as short_base,
        try_cast(first_valid_day as date) as first_valid_date,
        case
            when reject_reason is not null then reject_reason
            when unit not in ('usd', 'base') then 'unknown_unit'
            when first_valid_date is null then 'unreadable_first_valid_day'
            when observed_at < first_valid_date then 'before_first_valid_day'
        end as reject_reason,

    from typed

),

{{ staged_reported_liquidations(none, 'interpreted', in_base=true) }}
