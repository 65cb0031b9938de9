{#-
    The rows of CSV files in the batches being built, as a subquery. An imported file is read as the
    import found it to be written (csv_files.Reading): separator, header, places of the columns. A
    file without a reading is one of commas; its header is found by its first name, and one without
    a header is read by position.

    Arguments: venue, dataset, format as for raw_lines; columns, the file's column names in order.
    Columns: batch_id, raw_object, raw_line, row_in_line (1), name (url or file), received_at,
    sealed_at, is_import, has_wrong_width, has_header, has_columns (the header or the reading, if any,
    names all of them), and the named columns as text; venue where it is of all. A row is of the right
    width from the line on that the reading names also if it is wider: known leading columns are
    enough there.
-#}
{% macro csv_rows(venue, dataset, format, columns) -%}
    (
        with

        {{ csv_lines(raw_lines(venue, dataset, format), columns[0]) }}

        headers as (

            select
                batch_id,
                raw_object,
                arg_min(fields, raw_line) as header,

            from csv_lines

            where is_header

            group by all

        )

        select
            csv_lines.batch_id,
            {% if not venue %}csv_lines.venue,{% endif %}
            csv_lines.raw_object,
            csv_lines.raw_line,
            1 as row_in_line,
            csv_lines.name,
            csv_lines.received_at,
            csv_lines.sealed_at,
            {{ csv_has_wrong_width(
                'csv_lines', "coalesce(len(headers.header), " ~ (columns | length) ~ ")"
            ) }} as has_wrong_width,
            headers.header is not null as has_header,
            case
                when csv_lines.places is not null
                    then list_has_all(map_keys(csv_lines.places), ['{{ columns | join("', '") }}'])
                else headers.header is null
                    or list_has_all(headers.header, ['{{ columns | join("', '") }}'])
            end as has_columns,
            csv_lines.is_import,
            {%- for column in columns %}
            csv_lines.fields[
                case
                    when csv_lines.places is not null then csv_lines.places['{{ column }}']
                    when headers.header is null then {{ loop.index }}
                    else list_position(headers.header, '{{ column }}')
                end
            ] as {{ column }},
            {%- endfor %}

        from csv_lines
        left join headers using (batch_id, raw_object)

        where not csv_lines.is_header
            -- Another layout of the same format is read elsewhere.
            and (csv_lines.places is null or csv_lines.places['{{ columns[0] }}'] is not null)
    )
{%- endmacro %}


{#-
    The lines of CSV files, as the CTE `csv_lines`: the columns of raw_lines,
    fields (texts, without quotes and spaces around them), is_header, and of the import's reading
    width, appended_from, places (column -> place), settings, renames, venue_names, pattern (text
    before, place, text after) and all of it as json, reading_of; null without one.

    Arguments: lines, a relation in the shape of raw_lines; first_column, the name that identifies a
    header where there is no reading; blanks, whether empty lines are kept.
-#}
{% macro csv_lines(lines, first_column, blanks=false) -%}
lines_of_files as (

    select *,

    from {{ lines }} as lines_of_files
    {%- if not blanks %}

    where trim(text) != ''
    {%- endif %}

),

-- Once per file: all its lines have the same.
readings as (

    select
        batch_id,
        raw_object,
        try_cast(any_value(reading) as json) as reading_of,
        coalesce(reading_of ->> '$.separator', ',') as separator,
        from_json(reading_of -> '$.header', '["VARCHAR"]') as read_header,
        try_cast(reading_of ->> '$.width' as bigint) as width,
        try_cast(reading_of ->> '$.appended_from' as bigint) as appended_from,
        from_json(reading_of -> '$.columns', '"MAP(VARCHAR, BIGINT)"') as places,
        from_json(reading_of -> '$.settings', '"MAP(VARCHAR, VARCHAR)"') as settings,
        from_json(reading_of -> '$.renames', '"MAP(VARCHAR, VARCHAR)"') as renames,
        from_json(reading_of -> '$.venue_names', '["VARCHAR"]') as venue_names,
        from_json(reading_of -> '$.pattern', '["VARCHAR"]') as pattern,

    from lines_of_files

    group by batch_id, raw_object

),

csv_lines as (

    select
        lines_of_files.* exclude (reading),
        readings.* exclude (batch_id, raw_object),
        {{ csv_fields('lines_of_files.text', 'readings.separator') }} as fields,
        if(
            readings.reading_of is null,
            starts_with(ltrim(lines_of_files.text, '" '), '{{ first_column }}'),
            -- Also where files were put together, each with its header.
            coalesce(fields[1:2] = readings.read_header[1:2], false)
        ) as is_header,

    from lines_of_files
    inner join readings using (batch_id, raw_object)

),
{%- endmacro %}


{#- A named field of a line of `csv_lines`; by its place where there is no reading. -#}
{% macro csv_field(column, place) -%}
    fields[if(places is null, {{ place }}, places['{{ column }}'])]
{%- endmacro %}


{#-
    A time of a CSV, null where it is written with an exponent: spreadsheets round such values, and
    1.73816E+12 stands for any millisecond of nearly three hours.
-#}
{% macro unrounded(column) -%}
    case when not contains(upper({{ column }}), 'E') then {{ column }} end
{%- endmacro %}


{#-
    Whether the number of fields in a line of `csv_lines` differs from its file's rows; a predicate.

    Arguments: relation, its name; width, SQL expression of the number where no reading states it.
-#}
{% macro csv_has_wrong_width(relation, width) -%}
    len({{ relation }}.fields) != coalesce({{ relation }}.width, {{ width }})
    and not coalesce(
        len({{ relation }}.fields) > {{ relation }}.width
        and {{ relation }}.raw_line >= {{ relation }}.appended_from,
        false
    )
{%- endmacro %}


{#-
    The fields of a CSV line, without spaces and quotes around them: a separator within quotes is
    part of a field, and two quotes in one stand for one.

    Arguments: text and separator, SQL expressions; a separator is a comma, semicolon, tab or bar.
-#}
{% macro csv_fields(text, separator) -%}
    case {{ separator }}
        {%- for mark in [';', '\\t', '|'] %}
        when {{ "chr(9)" if mark == '\\t' else "'" ~ mark ~ "'" }} then {{ split_csv(text, mark) }}
        {%- endfor %}
        else {{ split_csv(text, ',') }}
    end
{%- endmacro %}


{% macro split_csv(text, mark) -%}
    {%- set literal = "chr(9)" if mark == '\\t' else "'" ~ mark ~ "'" -%}
    {%- set pieces -%}
        regexp_extract_all(
            {{ literal }} || {{ text }},
            '[{{ mark }}]( *"(?:[^"]|"")*" *|[^{{ mark }}]*)',
            1
        )
    {%- endset -%}
    case
        when not contains({{ text }}, '"')
            then [trim(field) for field in string_split({{ text }}, {{ literal }})]
        -- Unbalanced quotes leave text over: such a line is not a row.
        when len(array_to_string({{ pieces }}, '')) + len({{ pieces }}) != len({{ text }}) + 1
            then [{{ text }}]
        else [
            if(
                starts_with(trim(field), '"') and ends_with(trim(field), '"')
                and len(trim(field)) > 1,
                trim(replace((trim(field))[2:-2], '""', '"')),
                trim(field)
            )
            for field in {{ pieces }}
        ]
    end
{%- endmacro %}
