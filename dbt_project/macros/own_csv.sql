{#-
    The rows of CSV files with the user's own columns in the batches being built, of any venue, as a
    subquery. A value comes from the row, else from the options of the import.

    Arguments: dataset, format as for raw_lines; columns, their names in staging; time, the column with
    the time; series, the columns that identify one series of a file.
    Columns: batch_id, venue, raw_object, raw_line, row_in_line, source_kind, received_at, sealed_at, the
    named columns as text (null where empty), observed_at, reject_reason.

    A time with an offset, or an epoch in seconds to nanoseconds (recognised by magnitude), is an
    instant. A local time is in the stated zone. Where clocks are set back, a label occurs twice: if a
    series has it twice, the rows are the two instants in the order of the file; if once, it is
    ambiguous. Where clocks are set forward, a label in the gap is not a time.
-#}
{% macro own_csv_rows(dataset, format, columns, time, series) -%}
    (
        with

        {{ csv_lines(raw_lines(none, dataset, format), columns[0]) | indent(8) }}

        own_rows as (

            select
                csv_lines.*,
                {{ csv_has_wrong_width('csv_lines', 'width') | indent(16) }} as has_wrong_width,
                {%- for column in columns %}
                {%- if column == 'instrument' %}
                if(
                    pattern is null,
                    coalesce(nullif(fields[places['instrument']], ''), settings['instrument']),
                    nullif(fields[try_cast(pattern[2] as bigint)], '')
                ) as stated_instrument,
                pattern[1] || coalesce(renames[stated_instrument], stated_instrument) || pattern[3]
                    as patterned_instrument,
                coalesce(patterned_instrument, renames[stated_instrument], stated_instrument)
                    as instrument,
                {%- else %}
                coalesce(nullif(fields[places['{{ column }}']], ''), settings['{{ column }}'])
                    as {{ column }},
                {%- endif %}
                {%- endfor %}
                settings['zone'] as zone,

            from csv_lines

            where not is_header
                and places['{{ time }}'] is not null
                and (
                    len(venue_names) = 0
                    or coalesce(list_contains(venue_names, fields[places['venue']]), true)
                )

        ),

        times as (

            select
                *,
                try_cast({{ unrounded(time) }} as decimal(28, 6)) as epoch,
                case
                    -- From 2000 to 2099.
                    when epoch between 946684800 and 4102444799
                        then make_timestamp((epoch * 1000000)::bigint)
                    when epoch between 946684800000 and 4102444799999
                        then make_timestamp((epoch * 1000)::bigint)
                    when epoch between 946684800000000 and 4102444799999999
                        then make_timestamp(epoch::bigint)
                    when epoch between 946684800000000000 and 4102444799999999999
                        then make_timestamp((epoch / 1000)::bigint)
                    when regexp_matches({{ time }}, '[0-9]:[0-9]{2}.*(Z|[+-][0-9]{2}(:?[0-9]{2})?)$')
                        then {{ iso_at(time) }}
                end as stated_at,
                case
                    when stated_at is null
                        and epoch is null
                        and not regexp_matches(
                            {{ time }}, '[0-9]:[0-9]{2}.*(Z|[+-][0-9]{2}(:?[0-9]{2})?)$'
                        )
                        then {{ naive_at(time) }}
                end as local_at,

            from own_rows

        ),

        -- By the offset of the day before and by that of the day after.
        candidates as (

            select
                *,
                (timezone(zone, local_at - interval 1 day) at time zone 'UTC') + interval 1 day
                    as first_at,
                (timezone(zone, local_at + interval 1 day) at time zone 'UTC') - interval 1 day
                    as second_at,
                timezone(zone, first_at at time zone 'UTC') = local_at as is_first,
                timezone(zone, second_at at time zone 'UTC') = local_at as is_second,
                is_first and is_second and first_at != second_at as is_ambiguous,
                row_number() over label as label_place,
                count(*) over (
                    partition by batch_id, raw_object, {{ series | join(', ') }}, local_at
                ) as label_count,
                arg_min(local_at, raw_line) over of_file > arg_max(local_at, raw_line) over of_file
                    as is_descending,

            from times

            window
                label as (
                    partition by batch_id, raw_object, {{ series | join(', ') }}, local_at
                    order by raw_line
                ),
                of_file as (partition by batch_id, raw_object)

        )

        select
            batch_id,
            venue,
            raw_object,
            raw_line,
            1 as row_in_line,
            'collector' as source_kind,
            received_at,
            sealed_at,
            {%- for column in columns %}
            {{ column }},
            {%- endfor %}
            case
                when local_at is null then stated_at
                when is_ambiguous and label_count != 2 then null
                when is_ambiguous and (label_place = 1) = is_descending then second_at
                when is_first then first_at
                when is_second then second_at
            end as observed_at,
            case
                when has_wrong_width then 'wrong_column_count'
                when local_at is not null and zone is null then 'no_time_zone'
                when is_ambiguous and label_count != 2 then 'ambiguous_local_time'
                when local_at is not null and not (is_first or is_second)
                    then 'nonexistent_local_time'
            end as reject_reason,

        from candidates
    )
{%- endmacro %}


{#- The seconds of a bar, from its length as venues write it (5m, 1h, 1d) or in seconds. -#}
{% macro stated_bar_seconds(column) -%}
    coalesce(try_cast({{ column }} as integer), {{ bar_seconds(column) }})
{%- endmacro %}
