{#-
    The numbered raw lines of the batches being built, as a subquery.

    Arguments: venue (none: all), dataset, format as the ledger names them; objects of dataset `mixed`
    (imports of several endpoints in one file) are included. The file list comes from the ledger, since
    a glob without matches fails the whole read; without files the relation is empty and typed.
    Columns: batch_id, venue (of all venues only), raw_object, raw_line, text, name (url or file),
    received_at (of the object), is_import, sealed_at, reading (JSON text of how an imported CSV file
    is read, csv_files.Reading; null where it is read as its venue writes it).
-#}
{% macro raw_lines(venue, dataset, format) -%}
    {%- set of_interest -%}
        {{ "venue = '" ~ venue ~ "' and " if venue }}dataset in ('{{ dataset }}', 'mixed') and format = '{{ format }}'
    {%- endset -%}
    {%- set paths = [] -%}
    {%- for named in [dataset, "mixed"] -%}
        {%- do paths.extend(lines_being_built().get([venue or "", named, format] | join(" "), [])) -%}
    {%- endfor -%}
    (
        select
            objects.batch_id,
            {% if not venue %}objects.venue,{% endif %}
            objects.raw_object,
            {% if paths %}raw.raw_line{% else %}null::bigint as raw_line{% endif %},
            {% if paths -%}
            -- Some editors write a byte order mark before the first line.
            if(raw.raw_line = 1, ltrim(raw.text, chr(65279)), raw.text) as text,
            {%- else -%}
            null::varchar as text,
            {%- endif %}
            objects.name,
            objects.received_at,
            batches.kind = 'import' as is_import,
            batches.sealed_at,
            objects.reading,
        from {{ source("ops", "build_objects") }} as objects
        inner join {{ source("ops", "batches") }} as batches
            on objects.batch_id = batches.batch_id
        {% if paths -%}
        inner join read_parquet([
            {%- for path in paths %}
            {{ text_in_sql(path) }}{{ "," if not loop.last }}
            {%- endfor %}
        ], filename = 'lines_path') as raw
            on objects.lines_path = raw.lines_path
        where {{ of_interest }}
        {%- else -%}
        where false
        {%- endif %}
    )
{%- endmacro %}


{#-
    The files of raw lines that are being built: lists by "venue dataset format", and by
    " dataset format" of all venues, and `lines`, how many lines they have. One query for all models of
    a run, as the graph is one object for all of them.
-#}
{% macro lines_being_built() -%}
    {%- if not has_warehouse() -%}
        {{ return({}) }}
    {%- endif -%}
    {%- if "lines_being_built" not in graph -%}
        {%- set listed = run_query(
            "select lines_path, venue, dataset, format, sum(lines)::bigint from "
            ~ source("ops", "build_objects") ~ " where lines > 0 group by all order by all"
        ) -%}
        {%- set files = {} -%}
        {%- for path, venue, dataset, format, lines in listed.rows -%}
            {%- do files.update({"lines": files.get("lines", 0) + lines}) -%}
            {%- for named in [venue, ""] -%}
                {%- do files.setdefault([named, dataset, format] | join(" "), []).append(path) -%}
            {%- endfor -%}
        {%- endfor -%}
        {%- do graph.update({"lines_being_built": files}) -%}
    {%- endif -%}
    {{ return(graph["lines_being_built"]) }}
{%- endmacro %}


{#-
    How a CTE with the rows of raw lines is read that is read twice: kept, while there are few. Many
    would be written to disk and read again, which takes longer than parsing them again; that is so
    from some lines on, which a test sets to none.

    2026-11-28: of eight million frames within 2 GiB, staging took 54 s and spilled 7.8 GiB when all
    were kept, and takes 29 s. A judgement: a million of them are some 500 MB.
-#}
{% macro materialized_if_few() -%}
    {%- set few = env_var("UNWIND_DBT_FEW_LINES", "1000000") | int -%}
    {{ "materialized" if lines_being_built().get("lines", 0) <= few else "not materialized" }}
{%- endmacro %}
