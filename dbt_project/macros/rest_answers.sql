{#-
    The answers of some endpoints in the batches being built, as a subquery: envelope lines of
    status 200 whose URL is one of `paths`.

    Arguments: venue and dataset as for raw_lines; paths as for is_path; cut_lines, whether to include
    lines that are not envelopes (without url and answer), to be rejected: for an exchange, its model
    of liquidations does that for all endpoints.
    Columns: batch_id, raw_object, raw_line, received_at (of the answer; null for an import that
    does not say), sealed_at, url (without query), params, asked (the JSON body of a POST),
    answer (json; null where the body is not JSON).
-#}
{% macro rest_answers(venue, dataset, paths, cut_lines=false) -%}
    (
        with

        enveloped as (

            select
                *,
                try_cast(text as json) as envelope,

            from {{ raw_lines(venue, dataset, 'rest') }}

        ),

        asked_for as (

            select
                batch_id,
                raw_object,
                raw_line,
                coalesce({{ iso_at("envelope ->> 'received_at'") }}, received_at) as received_at,
                sealed_at,
                regexp_replace(envelope ->> '$.request.url', '[?].*$', '') as url,
                envelope -> '$.request.params' as params,
                envelope -> '$.request.json' as asked,
                envelope ->> 'body' as body,

            from enveloped

            where (envelope ->> '$.request.status') = '200'
                and (
                    {%- for path in paths %}
                    {{ is_path('url', path) }}{{ " or" if not loop.last }}
                    {%- endfor %}
                )
                {%- if cut_lines %}
                or envelope is null
                {%- endif %}

        )

        select
            * exclude (body),
            try_cast({{ whole_characters('body') }} as json) as answer,

        from asked_for
    )
{%- endmacro %}


{#-
    The rows of such answers, as a subquery: batch_id, raw_object, raw_line, received_at, sealed_at,
    url, params, asked of the answer; entry (json) and row_in_line (1-based) of the row; source_kind
    (rest) and reject_reason (null where the entry can be read).

    Arguments: venue, dataset, paths, cut_lines as for rest_answers; rows_at, the JSON path of the
    list, or of an object whose values are the rows (`keyed`); single, a key whose presence means
    that the answer itself is one row; answered, column -> JSON path of a text that the answer has once
    for all its rows; lists, column -> JSON path of a list parallel to the rows, whose element at the
    row's place is the column (json).
    An answer that is not JSON gives one row with a null entry, to be rejected; an answer without
    the list (an error, nothing new) gives none.
-#}
{% macro rest_rows(
    venue, dataset, paths, rows_at='$', single=none, answered={}, lists={}, keyed=false,
    cut_lines=false
) -%}
    (
        select
            * exclude (entries{% for column in lists %}, {{ column }}{% endfor %}),
            'rest' as source_kind,
            unnest(entries) as entry,
            unnest(range(1, len(entries) + 1)) as row_in_line,
            {%- for column in lists %}
            {{ column }} -> (row_in_line - 1) as {{ column }},
            {%- endfor %}
            if(entry is null, 'unreadable_json', null) as reject_reason,

        from (
            select
                * exclude (answer),
                {%- for column, path in answered.items() %}
                answer ->> '{{ path }}' as {{ column }},
                {%- endfor %}
                {%- for column, path in lists.items() %}
                answer -> '{{ path }}' as {{ column }},
                {%- endfor %}
                case
                    when answer is null then [null::json]
                    when json_type(answer, '{{ rows_at }}') = 'ARRAY'
                        then try_cast(answer -> '{{ rows_at }}' as json[])
                    {%- if keyed %}
                    when json_type(answer, '{{ rows_at }}') = 'OBJECT'
                        then try_cast(answer -> '{{ rows_at }}.*' as json[])
                    {%- endif %}
                    {%- if single %}
                    when json_exists(answer, '$.{{ single }}') then [answer]
                    {%- endif %}
                    else []::json[]
                end as entries,

            from {{ rest_answers(venue, dataset, paths, cut_lines) }}
        )
    )
{%- endmacro %}


{#- Whether a URL ends in a path; a path that ends in a star may go on. -#}
{% macro is_path(url, path) -%}
    {%- if path.endswith('*') -%}
    contains({{ url }}, '{{ path[:-1] }}')
    {%- else -%}
    ends_with({{ url }}, '{{ path }}')
    {%- endif -%}
{%- endmacro %}
