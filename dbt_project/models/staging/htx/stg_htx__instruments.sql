-- size: `contract_size`, base coin of linear contracts, USD of coin contracts.
-- names: `contract_code`; state: `contract_status`, 1 is open.
-- https://www.htx.com/en-us/opend/newApiPages/?id=8cb7e1be-77b5-11ed-9966-0242ac110003
with

named as (

    select
        *,
        entry ->> 'contract_code' as instrument,
        unnest({{ parse_symbol('htx', 'instrument') }}),

    from {{ rest_rows(
        'htx', 'instruments',
        ['/linear-swap-api/v1/swap_contract_info', '/swap-api/v1/swap_contract_info'],
        rows_at='$.data'
    ) }}

),

listed as (

    select
        *,
        entry ->> 'contract_size' as contract_size,
        if((entry ->> 'contract_status') = '1', 'open', 'status ' || (entry ->> 'contract_status'))
            as status,
        try_strptime(entry ->> 'create_date', '%Y%m%d') as listed_at,

    from named

),

{{ staged_instruments('htx', 'listed') }}
