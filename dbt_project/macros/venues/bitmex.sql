{#-
    XBTUSD, XBTUSDT, XBTEUR, ETHXBT; dated XBTH26, XBTUSDH26, XBTUSDTH26; ETHUSD_ETH, settled in what
    follows the underscore. No name states whether a contract is linear, inverse or quanto: its listing
    does; by name, contracts in a stablecoin are linear, those of XBT in dollars inverse, and all
    others quanto. A dated contract without a quote is in dollars if it is of XBT, else in XBT.
-#}
{% macro bitmex__symbol_parts(column) -%}
    {%- set quotes = bitmex_quotes() | join("|") -%}
    {%- set settled = "(?:_[A-Za-z]+)?" -%}
    {%- set quote = "regexp_extract(" ~ column ~ ", '^[^_]+?(" ~ quotes ~ ")" ~ settled
        ~ "(?:[FGHJKMNQUVXZ][0-9]{2})?$', 1)" -%}
    {{ return({
        "venue_asset": name_part(
            column,
            "^({letters}+?)(?:(?:" ~ quotes ~ ")" ~ settled ~ ")?(?:[FGHJKMNQUVXZ][0-9]{{2}})?$",
            1
        ),
        "quote_asset": "coalesce(nullif(" ~ quote ~ ", ''), case"
            ~ " when regexp_matches(" ~ column ~ ", '^XBT([FGHJKMNQUVXZ][0-9]{2})?$') then 'USD'"
            ~ " when regexp_matches(" ~ column ~ ", '[FGHJKMNQUVXZ][0-9]{2}$') then 'XBT'"
            ~ " else 'unknown' end)",
        "contract_type": "case"
            ~ " when " ~ quote ~ " in ('USDT', 'USDC') then 'linear'"
            ~ " when regexp_matches(" ~ column
            ~ ", '^XBT(USD)?([FGHJKMNQUVXZ][0-9]{2})?$') then 'inverse'"
            ~ " else 'quanto' end",
    }) }}
{%- endmacro %}


{#-
    What BitMEX quotes contracts in: stablecoins, dollars, coins, and the currencies of its contracts on
    foreign exchange (typ FFWCSF). The longer ones come first.
-#}
{% macro bitmex_quotes() -%}
    {{ return([
        "USDT", "USDC", "USD", "XBT", "ETH", "EUR", "JPY", "CHF", "GBP", "AUD", "NZD", "CAD", "MXN",
        "BRL", "INR", "CNH", "KRW", "SEK", "SGD", "TRY", "ZAR", "PHP", "NGN", "TWD", "ARS",
    ]) }}
{%- endmacro %}


{#-
    The types of BitMEX's contracts that are read, by the codes of its instrument list: perpetual
    (FFWCSX; FFWCSF on foreign exchange; FFSCSX on stocks, metals and commodities, since 2025-12) and
    dated (FFCCSX). Spreads (FFMCSX) and codes that are not known are rejected; spot pairs (IFXXXP)
    and reference indices (MR...) are no contracts.
    https://docs.bitmex.com/api-explorer/get-instruments
-#}
{% macro bitmex_contract_types() -%}
    ('FFWCSX', 'FFWCSF', 'FFSCSX', 'FFCCSX')
{%- endmacro %}


{#- Rows of BitMEX's list of open contracts in the batches being built; see rest_rows. -#}
{% macro bitmex_instruments() -%}
    (
        select
            * exclude (reject_reason),
            entry ->> 'symbol' as instrument,
            {{ iso_at("entry ->> 'timestamp'") }} as observed_at,
            case
                when reject_reason is not null then reject_reason
                when coalesce(entry ->> 'typ', '') not in {{ bitmex_contract_types() }}
                    then 'unknown_contract_type'
            end as reject_reason,

        from {{ rest_rows('bitmex', 'instruments', ['/api/v1/instrument/active']) }}

        where entry is null
            or not regexp_matches(coalesce(entry ->> 'typ', ''), '^(IFXXXP|MR)')
    )
{%- endmacro %}
