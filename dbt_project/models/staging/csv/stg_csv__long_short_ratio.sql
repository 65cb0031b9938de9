-- ratio: long over short of what the file states (accounts, top_accounts, ...).
-- time: the instant at which it was measured.
-- The columns are the user's own: docs/imports.md, ratio-csv.
with

typed as (

    from {{ own_csv_rows(
        'long_short_ratio', 'ratio-csv', ['instrument', 'time', 'long_short_ratio', 'ratio_kind'],
        time='time', series=['instrument', 'ratio_kind'],
    ) }}

),

interpreted as (

    select
        * exclude (reject_reason),
        case
            when reject_reason is not null then reject_reason
            when ratio_kind is null then 'missing_field'
            when ratio_kind not in (
                'accounts', 'top_accounts', 'positions', 'top_positions', 'taker_volume'
            )
                then 'unknown_ratio_kind'
        end as reject_reason,

    from typed

),

{{ staged_long_short_ratio(none, 'interpreted') }}
