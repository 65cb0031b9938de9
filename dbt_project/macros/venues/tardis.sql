{#-
    Rows of the vendor's CSVs in the batches being built, of any venue, as a subquery.

    The meaning of the vendor's files is data: `tardis_exchanges` maps a vendor exchange to a venue and
    states how it writes symbols, `tardis_symbols` lists symbols that no rule restores, and
    `tardis_units` states the unit of a quantity for each period. A row of an exchange or quantity that
    these do not state is rejected, never guessed.

    Arguments: columns, the file's column names in order, as for csv_rows; quantity, as in
    tardis_units (liquidation, open_interest, funding, price); written, a SQL condition that is true
    where a row has the quantity at all.
    Columns: those of csv_rows; source_kind (collector), received_at (the vendor's clock), written_at
    (the row's time), instrument (as the venue writes it), venue_asset, quote_asset, contract_type (by
    the venue's grammar); unit, sides, price_kind, interval_hours, funding_time as in tardis_units;
    is_of_venue (the exchange is known, and is the venue that the file was imported for), is_of_no_unit.
-#}
{% macro tardis_rows(columns, quantity, written='true') -%}
    (
        with

        exchanges as (

            from {{ ref('tardis_exchanges') }}

        ),

        symbols as (

            from {{ ref('tardis_symbols') }}

        ),

        units as (

            from {{ ref('tardis_units') }}

            where quantity = '{{ quantity }}'

        ),

        listed as (

            select
                * exclude (exchange, received_at),
                lower(trim(exchange)) as exchange,
                trim(symbol) as vendor_symbol,
                {{ epoch_us_at(unrounded('"timestamp"')) }} as written_at,
                {{ epoch_us_at(unrounded('local_timestamp')) }} as received_at,

            from {{ csv_rows(none, 'liquidations', 'tardis-csv', columns) }} as csv_rows

            where has_columns
                -- Files without a header are taken for liquidations.
                {{ "and has_header" if quantity != 'liquidation' }}
                and (has_wrong_width or {{ written }})

        ),

        named as (

            select
                listed.*,
                coalesce(exchanges.venue = listed.venue, false) as is_of_venue,
                case
                    when exchanges.symbol_rule = 'as_written' then listed.vendor_symbol
                    when exchanges.symbol_rule = 'leading_t' then 't' || upper(listed.vendor_symbol)
                    -- A builder's market is named dex:COIN, with the dex in small letters.
                    when exchanges.symbol_rule = 'hyperliquid'
                        then coalesce(
                            lower(nullif(split_part(listed.vendor_symbol, ':', -2), '')) || ':', ''
                        )
                        || coalesce(
                            symbols.venue_symbol, upper(split_part(listed.vendor_symbol, ':', -1))
                        )
                    else upper(listed.vendor_symbol)
                end as instrument,

            from listed
            left join exchanges on listed.exchange = exchanges.exchange
            left join symbols
                on listed.exchange = symbols.exchange
                and upper(split_part(listed.vendor_symbol, ':', -1)) = symbols.vendor_symbol

        ),

        spelled_by_name as (

            select
                *,
                unnest({{ parse_symbol(none, 'instrument') }}),

            from named

        ),

        -- The name of a builder's market does not state its quote asset.
        spelled as (

            select
                spelled_by_name.* exclude (quote_asset),
                if(
                    spelled_by_name.quote_asset = 'unknown',
                    coalesce(dex_quotes.quote_asset, 'unknown'),
                    spelled_by_name.quote_asset
                ) as quote_asset,

            from spelled_by_name
            left join {{ hyperliquid_dex_quotes() }} as dex_quotes
                on spelled_by_name.venue = 'hyperliquid'
                and split_part(spelled_by_name.instrument, ':', 1) = dex_quotes.dex
                and contains(spelled_by_name.instrument, ':')

        )

        select
            spelled.*,
            'collector' as source_kind,
            units.unit,
            units.sides,
            units.price_kind,
            units.interval_hours,
            units.funding_time,
            spelled.venue_asset is not null
            and spelled.written_at is not null
            and units.unit is null
                as is_of_no_unit,

        from spelled
        left join units
            on spelled.exchange = units.exchange
            and (units.contract_type = 'any' or spelled.contract_type = units.contract_type)
            and spelled.written_at >= coalesce(units.valid_from, date '1970-01-01')
            and spelled.written_at < coalesce(units.valid_to, date '9999-12-31')
    )
{%- endmacro %}


{#- A vendor row's symbol parsed as by parse_symbol, with the quote asset from tardis_rows. -#}
{% macro tardis_symbol_parts() -%}
    struct_pack(
        venue_asset := venue_asset, quote_asset := quote_asset, contract_type := contract_type
    )
{%- endmacro %}


{#-
    Rows of the vendor's CSV of tickers that have a quantity, as observations of their own time; see
    tardis_rows. A row repeats unchanged values.
-#}
{% macro tardis_tickers(quantity, written) -%}
    (
        select
            *,
            written_at as observed_at,
            case
                when has_wrong_width then 'wrong_column_count'
                when not is_of_venue then 'unknown_vendor_exchange'
                when is_of_no_unit then 'unknown_vendor_unit'
            end as reject_reason,

        from {{ tardis_rows([
            'exchange', 'symbol', 'timestamp', 'local_timestamp', 'funding_timestamp',
            'funding_rate', 'predicted_funding_rate', 'open_interest', 'last_price', 'index_price',
            'mark_price',
        ], quantity, written) }} as vendor_rows
    )
{%- endmacro %}
