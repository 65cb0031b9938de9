{#-
    BTC, kPEPE; xyz:TSLA and hyna:BTC are TSLA and BTC on builder-deployed exchanges, whose names do not
    state the collateral (unknown here; a listing or the seed hyperliquid_dexs has it). @107 and
    PURR/USDC are spot and match nothing here.
-#}
{% macro hyperliquid__symbol_parts(column) -%}
    {{ return({
        "venue_asset": "nullif(regexp_extract("
            ~ column ~ ", '^(?:[a-z0-9]+:)?([A-Za-z0-9]+)$', 1), '')",
        "quote_asset": "if(contains(" ~ column ~ ", ':'), 'unknown', 'USDC')",
        "contract_type": "'linear'",
    }) }}
{%- endmacro %}


{#-
    A Hyperliquid contract's name parsed as by parse_symbol, where its quote asset is known from
    elsewhere: `quote`, an expression.
-#}
{% macro hyperliquid_symbol_parts_in(column, quote) -%}
    struct_pack(
        venue_asset := {{ symbol_parts('hyperliquid', column)['venue_asset'] }},
        quote_asset := {{ quote }},
        contract_type := 'linear'
    )
{%- endmacro %}


{#-
    The quote asset of each builder-deployed exchange's contracts, as far as known; a subquery of dex
    and quote_asset.
-#}
{% macro hyperliquid_dex_quotes() -%}
    (
        select
            dexs.dex,
            tokens.quote_asset,

        from {{ ref('hyperliquid_dexs') }} as dexs
        inner join {{ ref('hyperliquid_collateral_tokens') }} as tokens
            on dexs.collateral_token = tokens.collateral_token
    )
{%- endmacro %}


{#-
    Hyperliquid's context of every coin in the batches being built, as a subquery:
    metaAndAssetCtxs (coins and their contexts are two lists, joined by position; the answer has no
    clock, so the receive time stands in), of the venue's own markets and of each builder-deployed
    exchange, and the archive's asset_ctxs files (one row a minute).

    Columns: batch_id, raw_object, raw_line, row_in_line, source_kind, received_at, sealed_at, coin,
    quote_asset (by the answer's collateral, else by the seeds), is_delisted, observed_at, and as
    text: funding, open_interest, oracle_px, mark_px, day_ntl_vlm; reject_reason.
-#}
{% macro hyperliquid_contexts() -%}
    (
        with

        answers as (

            select
                * exclude (answer),
                answer ->> '$[0].collateralToken' as stated_token,
                case
                    when answer is null then [[null::json, null::json]]
                    when json_type(answer, '$[0].universe') = 'ARRAY'
                        and json_type(answer, '$[1]') = 'ARRAY'
                        then [
                            [pair[1], pair[2]]
                            for pair in list_zip(
                                try_cast(answer -> '$[0].universe' as json[]),
                                try_cast(answer -> '$[1]' as json[])
                            )
                        ]
                    else []::json[][]
                end as pairs,
                case
                    when answer is null then 'unreadable_json'
                    when json_array_length(answer, '$[0].universe')
                        != json_array_length(answer, '$[1]') then 'lists_of_unequal_length'
                end as reject_reason,

            from {{ rest_answers('hyperliquid', 'premium_index', ['/info']) }}

            where (asked ->> 'type') = 'metaAndAssetCtxs'

        ),

        paired as (

            select
                * exclude (pairs),
                unnest(pairs) as pair,
                unnest(range(1, len(pairs) + 1)) as row_in_line,

            from answers

        ),

        contexts as (

            select
                batch_id,
                raw_object,
                raw_line,
                row_in_line,
                'rest' as source_kind,
                received_at,
                sealed_at,
                pair[1] ->> 'name' as coin,
                stated_token,
                coalesce((pair[1] ->> 'isDelisted') = 'true', false) as is_delisted,
                coalesce(received_at, sealed_at) as observed_at,
                pair[2] ->> 'funding' as funding,
                pair[2] ->> 'openInterest' as open_interest,
                pair[2] ->> 'oraclePx' as oracle_px,
                pair[2] ->> 'markPx' as mark_px,
                pair[2] ->> 'dayNtlVlm' as day_ntl_vlm,
                reject_reason,

            from paired

            union all by name

            select
                batch_id,
                raw_object,
                raw_line,
                row_in_line,
                'dump' as source_kind,
                received_at,
                sealed_at,
                coin,
                null::varchar as stated_token,
                false as is_delisted,
                {{ iso_at('time') }} as observed_at,
                funding,
                open_interest,
                oracle_px,
                mark_px,
                day_ntl_vlm,
                if(has_wrong_width, 'wrong_column_count', null) as reject_reason,

            from {{ csv_rows('hyperliquid', 'premium_index', 'asset-ctxs-csv', [
                'time', 'coin', 'funding', 'open_interest', 'prev_day_px', 'day_ntl_vlm', 'premium',
                'oracle_px', 'mark_px', 'mid_px', 'impact_bid_px', 'impact_ask_px',
            ]) }} as asset_ctxs

        )

        select
            contexts.* exclude (reject_reason, stated_token),
            coalesce(tokens.quote_asset, dex_quotes.quote_asset) as quote_asset,
            case
                when contexts.reject_reason is not null then contexts.reject_reason
                when coalesce(tokens.quote_asset, dex_quotes.quote_asset) is null
                    then 'unknown_collateral'
            end as reject_reason,

        from contexts
        -- The venue's own markets are margined in token 0, which older answers do not say.
        left join {{ ref('hyperliquid_collateral_tokens') }} as tokens
            on coalesce(
                contexts.stated_token, if(contains(contexts.coin, ':'), null, '0')
            ) = tokens.collateral_token::varchar
        left join {{ hyperliquid_dex_quotes() }} as dex_quotes
            on contexts.stated_token is null
            and contains(contexts.coin, ':')
            and split_part(contexts.coin, ':', 1) = dex_quotes.dex
    )
{%- endmacro %}


{#- The dataset that lists the venue's contracts. -#}
{% macro hyperliquid__listing_dataset() %}{{ return('premium_index') }}{% endmacro %}
