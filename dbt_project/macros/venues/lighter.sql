{#-
    Markets are numbers, and only the venue's listing states their assets. Without a listing, the
    number stands for the asset and the contract has no size.
-#}
{% macro lighter__symbol_parts(column) -%}
    {{ return({
        "venue_asset": "nullif(regexp_extract(" ~ column ~ ", '^([0-9]+)$', 1), '')",
        "quote_asset": "'USDC'",
        "contract_type": "'linear'",
    }) }}
{%- endmacro %}


{#- Rows of Lighter's markets in the batches being built; see rest_rows. The answer has no timestamp. -#}
{% macro lighter_markets() -%}
    (
        select
            * exclude (reject_reason),
            entry ->> 'market_id' as instrument,
            coalesce(received_at, sealed_at) as observed_at,
            coalesce(
                reject_reason,
                if(
                    coalesce(entry ->> 'market_type', 'perp') = 'perp', null,
                    'unknown_contract_type'
                )
            ) as reject_reason,

        from {{ rest_rows(
            'lighter', 'markets', ['/api/v1/orderBookDetails', '/api/v1/orderBooks'],
            rows_at='$.order_book_details'
        ) }}

        where entry is null or coalesce(entry ->> 'market_type', 'perp') != 'spot'
    )
{%- endmacro %}


{#- The dataset that lists the venue's contracts. -#}
{% macro lighter__listing_dataset() %}{{ return('markets') }}{% endmacro %}


{#- Whether a symbol names an asset where no listing does: a market's number names none. -#}
{% macro lighter__symbols_name_assets() %}{{ return(false) }}{% endmacro %}
