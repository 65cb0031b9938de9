{#- BTC_USDT and the like in USDC or USD1 are linear; BTC_USD is settled in BTC, a dollar each. -#}
{% macro gate__spelling(column) -%}
    {{ return({
        "venue_asset": name_part(column, "^({letters}+)_(?:USDT|USDC|USD1|USD)$", 1),
        "quote_asset": "nullif(regexp_extract(" ~ column ~ ", '_(USDT|USDC|USD1|USD)$', 1), '')",
        "contract_type": "if(ends_with(" ~ column ~ ", '_USD'), 'inverse', 'linear')",
    }) }}
{%- endmacro %}


{#- Rows of Gate's contracts in the batches being built; see rest_rows. The answer has no clock. -#}
{% macro gate_contracts() -%}
    (
        select
            *,
            entry ->> 'name' as instrument,
            coalesce(received_at, sealed_at) as observed_at,
            coalesce(try_cast(entry ->> 'quanto_multiplier' as double), 0) = 0 as is_inverse,

        from {{ rest_rows('gate', 'contracts', [
            '/futures/usdt/contracts', '/futures/btc/contracts', '/futures/usd1/contracts',
        ]) }}
    )
{%- endmacro %}


{#- Rows of Gate's statistics of contracts in the batches being built; see rest_rows. -#}
{% macro gate_contract_stats() -%}
    (
        select
            *,
            params ->> 'contract' as instrument,
            {{ epoch_ms_at("(try_cast(entry ->> 'time' as bigint) * 1000)::varchar") }} as observed_at,

        from {{ rest_rows('gate', 'contract_stats', [
            '/futures/usdt/contract_stats', '/futures/btc/contract_stats',
        ]) }}
    )
{%- endmacro %}


{#- What Gate publishes, from when to when, and who says so. -#}
{% macro gate__publication_rules() -%}
    {{ return({
        "venue_name": "Gate",
        "also_called": ["Gate.io"],
        "rules": [
            ("full", "1970-01-01", none, "fill_avg",
                "https://www.gate.com/docs/developers/apiv4/en/#query-liquidation-order-history",
                "rest"),
            ("one_per_symbol_second_latest", "1970-01-01", "2026-08-20", "fill_avg",
                "https://www.gate.com/docs/developers/futures/ws/en/", "stream"),
            ("full", "2026-08-20", none, "fill_avg",
                "https://www.gate.com/docs/developers/futures/ws/en/", "stream"),
        ],
    }) }}
{%- endmacro %}
