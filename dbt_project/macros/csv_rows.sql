{#-
    The rows of CSV files in the batches being built, as a subquery. A header is found by its first
    name; a file without one is read by position.

    Arguments: venue, dataset, format as for raw_lines; columns, the file's column names in order.
    Columns: batch_id, raw_object, raw_line, row_in_line (1), name (url or file), received_at,
    sealed_at, is_import, has_wrong_width, has_header, has_columns (the header, if any, names all of
    them), and the named columns as text; venue where it is of all.
-#}
{% macro csv_rows(venue, dataset, format, columns) -%}
    (
        with

        split_lines as (

            select
                *,
                string_split(
                    if(contains(text, '"'), replace(text, '"', ''), text), ','
                ) as fields,
                starts_with(text, '{{ columns[0] }}') or starts_with(text, '"{{ columns[0] }}')
                    as is_header,

            from {{ raw_lines(venue, dataset, format) }}

            where trim(text) != ''

        ),

        headers as (

            select
                batch_id,
                raw_object,
                arg_min(fields, raw_line) as header,

            from split_lines

            where is_header

            group by all

        )

        select
            split_lines.batch_id,
            {% if not venue %}split_lines.venue,{% endif %}
            split_lines.raw_object,
            split_lines.raw_line,
            1 as row_in_line,
            split_lines.name,
            split_lines.received_at,
            split_lines.sealed_at,
            len(split_lines.fields) != coalesce(len(headers.header), {{ columns | length }})
                as has_wrong_width,
            headers.header is not null as has_header,
            headers.header is null
            or list_has_all(headers.header, ['{{ columns | join("', '") }}']) as has_columns,
            split_lines.is_import,
            {%- for column in columns %}
            split_lines.fields[
                if(
                    headers.header is null,
                    {{ loop.index }},
                    list_position(headers.header, '{{ column }}')
                )
            ] as {{ column }},
            {%- endfor %}

        from split_lines
        left join headers using (batch_id, raw_object)

        where not split_lines.is_header
    )
{%- endmacro %}
