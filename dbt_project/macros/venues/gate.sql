{#- BTC_USDT and the like in USDC or USD1 are linear; BTC_USD is settled in BTC, a dollar each. -#}
{% macro gate__symbol_parts(column) -%}
    {{ return({
        "venue_asset": name_part(column, "^({letters}+)_{letters}+$", 1),
        "quote_asset": "nullif(split_part(" ~ column ~ ", '_', 2), '')",
        "contract_type": "if(ends_with(" ~ column ~ ", '_USD'), 'inverse', 'linear')",
    }) }}
{%- endmacro %}


{#-
    The paths of a request, one per settlement currency: usdt and btc from the start,
    usd1 since 2026-08-19 (https://www.gate.com/docs/developers/apiv4/en/#futures). usdc is read too, in
    case it is added.
-#}
{% macro gate_paths(question) -%}
    {%- set paths = [] -%}
    {%- for settled_in in ['usdt', 'btc', 'usd1', 'usdc'] -%}
        {%- do paths.append('/futures/' ~ settled_in ~ '/' ~ question) -%}
    {%- endfor -%}
    {{ return(paths) }}
{%- endmacro %}


{#- Rows of Gate's contracts in the batches being built; see rest_rows. The answer has no timestamp. -#}
{% macro gate_contracts() -%}
    (
        select
            *,
            entry ->> 'name' as instrument,
            coalesce(received_at, sealed_at) as observed_at,
            coalesce(try_cast(entry ->> 'quanto_multiplier' as double), 0) = 0 as is_inverse,

        from {{ rest_rows('gate', 'contracts', gate_paths('contracts')) }}
    )
{%- endmacro %}


{#- Rows of Gate's statistics of contracts in the batches being built; see rest_rows. -#}
{% macro gate_contract_stats() -%}
    (
        select
            *,
            params ->> 'contract' as instrument,
            {{ epoch_s_at("entry ->> 'time'") }} as observed_at,

        from {{ rest_rows('gate', 'contract_stats', gate_paths('contract_stats')) }}
    )
{%- endmacro %}


{#- The dataset that lists the venue's contracts. -#}
{% macro gate__listing_dataset() %}{{ return('contracts') }}{% endmacro %}
