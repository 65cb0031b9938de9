"""Queries and what they give, worked out by hand: on DuckDB, and translated, on Spark.

Run as a program by a Python that has Spark, it prints the values that Spark gives, as JSON.
"""

from __future__ import annotations

import json
import tempfile

# Name: the query, and its rows as text; null is None.
CONSTRUCTS: dict[str, tuple[str, list[list[str | None]]]] = {
    # 2026-01-29 is a Thursday.
    "weekday": ("select isodow(date '2026-01-29')", [["4"]]),
    "sunday": ("select isodow(date '2026-02-01')", [["7"]]),
    "list_index": ("select ['a', 'b', 'c'][2]", [["b"]]),
    # The third largest of 9, 7, 5 and 1.
    "list_index_of_a_column": (
        "select listed[known // 2 + 1] from (select max(x, 3) as listed, count(x) as known"
        " from (values (5), (9), (7), (1)) as t(x)) as u",
        [["5"]],
    ),
    "list_index_beyond": ("select ['a', 'b', 'c'][4]", [[None]]),
    "list_position": ("select list_position(['a', 'b'], 'b')", [["2"]]),
    "list_position_of_none": ("select list_position(['a', 'b'], 'c')", [[None]]),
    "hashes_of_equals": ("select hash('a', 1.5) = hash('a', 1.5)", [["True"]]),
    "hashes_of_others": ("select hash('a', 1.5) = hash('b', 1.5)", [["False"]]),
    "decimal_division": ("select 1.00::decimal(38, 8) / 8.00::decimal(38, 8)", [["0.125"]]),
    "whole_division": ("select 7 // 2, -7 // 2", [["3", "-3"]]),
    "guarded_division": ("select 1 / nullif(0, 0)", [[None]]),
    # 1.005 is 1.00499999999999989... as a double, and 100 times that 100.49999999999999.
    "rounding_of_doubles": ("select round(1.005::double, 2)", [["1.0"]]),
    "rounding_half_away": ("select round(-2.5::double, 0)", [["-3.0"]]),
    "rounding_of_decimals": ("select round(1.005::decimal(10, 3), 2)", [["1.01"]]),
    "whole_doubles": ("select ceil(2.5::double), floor(-2.5::double)", [["3.0", "-3.0"]]),
    "whole_beyond_integers": (
        "select ceil(1e300::double), floor('-inf'::double), ceil('nan'::double)",
        [["1e+300", "-inf", "nan"]],
    ),
    # To the nearest, and of two as near to the even one.
    "integer_of_double": ("select 2.5::double::integer, 3.5::double::integer", [["2", "4"]]),
    "integer_of_decimal": ("select 2.5::decimal(3, 1)::integer", [["3"]]),
    # Borders of hours between 13:59:59 and 14:00:01: one; whole hours: none.
    "hours_between": (
        "select date_diff('hour', timestamp '2026-01-29 13:59:59',"
        " timestamp '2026-01-29 14:00:01')",
        [["1"]],
    ),
    "seconds_since_1970": ("select epoch(timestamp '1970-01-02 00:00:00.5')", [["86400.5"]]),
    "ten_minutes": (
        "select time_bucket(interval 10 minute, timestamp '2026-01-29 14:19:59')",
        [["2026-01-29 14:10:00"]],
    ),
    "hours_added": (
        "select timestamp '2026-01-29 23:00:00' + to_hours(2)",
        [["2026-01-30 01:00:00"]],
    ),
    "empty_range": ("select n from (select unnest(range(3, 3)) as n) as t", []),
    "descending_range": ("select n from (select unnest(range(3, 1)) as n) as t", []),
    "range": ("select n from (select unnest(range(1, 3)) as n) as t order by n", [["1"], ["2"]]),
    "latest_known": (
        "select arg_max(v, k) from (values (1, 1), (2, 2), (null, 3)) as t(v, k)",
        [["2"]],
    ),
    "median_of_even": ("select median(x::double) from (values (1), (4)) as t(x)", [["2.5"]]),
    # Half of each: 0.002833 + (0.050198 - 0.002833) / 2 has other digits.
    "median_in_halves": (
        "select median(x::double), median(x::double) filter (where x < 1)"
        " from (values (0.050198), (0.002833)) as t(x)",
        [["0.0265155", "0.0265155"]],
    ),
    "median_of_odd": (
        "select median(x::double) from (values (0.3), (0.1), (null), (0.7)) as t(x)",
        [["0.3"]],
    ),
    "median_of_nothing": ("select median(x::double) from (values (null)) as t(x)", [[None]]),
    "concat_of_null": ("select concat('a', null, 'b')", [["ab"]]),
    "joined_of_null": ("select 'a' || null", [[None]]),
    "text_of_double": (
        "select 12345678.0::double::varchar, 1e16::double::varchar, 1.5e-5::double::varchar",
        [["12345678.0", "1e+16", "1.5e-05"]],
    ),
    "json_with_null": (
        "select json_object('a', '1', 'b', null)::varchar",
        [['{"a":"1","b":null}']],
    ),
    "listed_in_order": (
        "select string_agg(x, ', ' order by x) from (values ('b'), ('a')) as t(x)",
        [["a, b"]],
    ),
    "largest_two": (
        "select max(x, 2)[2] from (values (1), (3), (2)) as t(x)",
        [["2"]],
    ),
    "largest_two_of_nothing": (
        "select max(x, 2) is null from (values (null::integer)) as t(x)",
        [["True"]],
    ),
    "listed_with_nulls": (
        "select seconds[1], seconds[2], seconds[3], seconds[4] from ("
        "select list(distinct x order by x) as seconds from (values (2), (null), (1), (null), (2))"
        " as t(x)) as u",
        [["1", "2", None, None]],
    ),
    "list_of_no_rows": (
        "select list(distinct x order by x) is null from (values (1)) as t(x) where x > 1",
        [["True"]],
    ),
    "pattern": ("select 'ab' like 'a%', 'ab' like 'b%'", [["True", "False"]]),
    "qualify": (
        "select k, v from (values (1, 1), (1, 2), (2, 3)) as t(k, v)"
        " qualify row_number() over (partition by k order by v desc) = 1 order by k",
        [["1", "2"], ["2", "3"]],
    ),
    "qualify_of_a_star": (
        "select * from (values (1, 1), (1, 2)) as t(k, v)"
        " qualify row_number() over (partition by k order by v desc) = 1",
        [["1", "2"]],
    ),
    # Of 1, 2 and 2 before it: 2 has one smaller, 3 has three.
    "rank_in_frame": (
        "select rank(order by v asc nulls last) over w from"
        " (values (1, 1), (2, 2), (3, 2), (4, 3)) as t(h, v)"
        " window w as (order by h range between 3 preceding and 1 preceding) order by h",
        [["1"], ["2"], ["2"], ["4"]],
    ),
    "asof_join": (
        "select l.t, r.v from (values (1, 5), (1, 20), (1, 35), (2, 35)) as l(k, t)"
        " asof left join (values (1, 10, 'a'), (1, 30, 'b')) as r(k, t, v)"
        " on l.k = r.k and l.t >= r.t order by l.k, l.t",
        [["5", None], ["20", "a"], ["35", "b"], ["35", None]],
    ),
    "union_by_name": (
        "with a as (select 1 as x, 2 as y), b as (select 3 as y)"
        " select x, y from (select * from a union all by name select * from b) as u order by y",
        [["1", "2"], [None, "3"]],
    ),
    "decimal_of_double": ("select 0.1::double::decimal(38, 8)", [["0.10000000"]]),
    # The double is 123456789012.100006103515625; times 1e8 it is 12345678901210000610.35, and there
    # doubles are 2,048 apart: 12345678901210001408 is the nearest.
    "decimal_of_a_long_double": (
        "select 123456789012.1::double::decimal(38, 8)",
        [["123456789012.10001408"]],
    ),
    # A half is exact in a double, and goes away from zero.
    "decimal_of_halves": (
        "select 2.5::double::decimal(38, 0), -2.5::double::decimal(38, 0),"
        " 2.5::double::decimal(18, 0)",
        [["3", "-3", "3"]],
    ),
    "decimal_of_a_small_negative": (
        "select (-22.5796)::double::decimal(38, 4), (-22.5796)::double::decimal(18, 4)",
        [["-22.5796", "-22.5796"]],
    ),
    # 2^100, which a double holds.
    "decimal_of_more_than_64_bits": (
        "select 1267650600228229401496703205376::double::decimal(38, 0)",
        [["1267650600228229401496703205376"]],
    ),
    "decimal_too_small_for_a_double": (
        "select try_cast(1e18::double as decimal(18, 0)),"
        " try_cast(-1e40::double as decimal(38, 0))",
        [[None, None]],
    ),
    "rows_of_a_list_cast": (
        "select n from (select unnest(range(1, 3))::integer as n) as t order by n",
        [["1"], ["2"]],
    ),
    "replaced_column": (
        "with a as (select 1 as x, 2 as y) select * replace (x + 10 as x) from a",
        [["11", "2"]],
    ),
    "replaced_column_of_a_union": (
        "with a as (select 1 as x, 2 as y) select * replace (5 as x) from a"
        " union all select y, x from a order by x",
        [["2", "1"], ["5", "2"]],
    ),
    "offset_of_nothing": ("select n from (select 1 as n offset 0  -- a hint\n) as t", [["1"]]),
    "decimals_multiplied": (
        "select 5585399.000000000000::decimal(38, 12) * 1000::decimal(19, 0)",
        [["5585399000.000000000000"]],
    ),
}


def texts(rows: list[tuple[object, ...]]) -> list[list[str | None]]:
    return [[None if value is None else str(value) for value in row] for row in rows]


def main() -> None:
    from unwind.spark.session import start
    from unwind.spark.translate import translate

    with tempfile.TemporaryDirectory() as scratch:
        session = start("local[1]", "1g", scratch, {})
        given: dict[str, object] = {}
        for name, (query, _) in CONSTRUCTS.items():
            try:
                rows = session.sql(translate(name, query)).collect()
                given[name] = texts([tuple(row) for row in rows])
            except Exception as error:
                given[name] = str(error).splitlines()[0]
        session.stop()
    print(json.dumps(given))


if __name__ == "__main__":
    main()
