"""Each construct that means something else in Spark, or is written otherwise, and its function.

Those of lists, texts and aggregates are here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp, parse_one

from unwind.spark import numbers as of_numbers
from unwind.spark import times as of_times
from unwind.spark.expressions import (
    Kinds,
    NotKnownError,
    V,
    as_double,
    computed_once,
    double_of,
    kind,
    spark,
)


def rewritten(tree: exp.Expr, kinds: Kinds) -> exp.Expr:
    """The tree with every construct translated, from the innermost."""
    root = exp.Paren(this=tree)
    for node in reversed(list(tree.walk())):
        rule = RULES.get(type(node))
        if rule:
            new = rule(node, kinds)
            if new is not node:
                node.replace(new)
    new_tree: exp.Expr = root.this
    return new_tree


def largest(node: exp.Max, kinds: Kinds) -> exp.Expr:
    """`max(x, n)`: a list of the n largest, from the largest; null where no x is known."""
    count = node.args.get("count")
    if count is None:
        return node
    if isinstance(node.parent, exp.Filter | exp.Window):
        raise NotKnownError(f"the largest of some rows: {node.parent.sql('duckdb')}")
    return spark(
        "case when count(:x) > 0 then slice(sort_array(collect_list(:x), false), 1, :n) end",
        x=node.this,
        n=count,
    )


def filtered(node: exp.Filter, kinds: Kinds) -> exp.Expr:
    """A filter belongs to the aggregate, which may have become a part of an expression."""
    if _is_aggregate(node.this):
        return node
    inner = [one for one in node.this.find_all(exp.Expr) if _is_aggregate(one)]
    if len(inner) != 1:
        raise NotKnownError(f"a filter of {node.this.sql('spark')[:200]}")
    whole: exp.Expr = node.this
    inner[0].replace(exp.Filter(this=inner[0].copy(), expression=node.expression.copy()))
    return whole.copy()


AGGREGATES = ("collect_list", "collect_set", "max_by", "min_by")


def _is_aggregate(node: exp.Expr) -> bool:
    named = isinstance(node, exp.Anonymous) and node.name.lower() in AGGREGATES
    return named or isinstance(node, exp.AggFunc)


def element(node: exp.Bracket, kinds: Kinds) -> exp.Expr:
    """`list[n]`, from 1, null beyond its ends; one that counts from the end is not known."""
    index = node.expressions[0]
    if len(node.expressions) != 1 or isinstance(index, exp.Slice | exp.Neg) or index.is_string:
        raise NotKnownError(f"a part of a list: {node.sql('duckdb')}")
    return exp.func("get", node.this.copy(), spark("cast(:n - 1 as int)", n=index))


def position(node: exp.Anonymous) -> exp.Expr:
    """`list_position`: null, not 0, for what is not in the list."""
    return spark("nullif(array_position(:l, :x), 0)", l=node.expressions[0], x=node.expressions[1])


def numbers(node: exp.GenerateSeries, kinds: Kinds) -> exp.Expr:
    """`range(a, b)`: without b, and empty where b is not beyond a. Spark would count down."""
    start, end = node.args["start"], node.args["end"]
    step = node.args.get("step") or exp.Literal.number(1)
    if isinstance(step, exp.Interval):
        return spark(
            "if(:a < :b, sequence(:a, :b - interval '0.000001' second, :s),"
            " cast(array() as array<timestamp_ntz>))",
            a=start,
            b=end,
            s=step,
        )
    if not (isinstance(step, exp.Literal) and step.is_int):
        raise NotKnownError(f"a range with these steps: {node.sql('duckdb')}")
    if not node.args.get("is_end_exclusive"):
        raise NotKnownError(f"a series with its end: {node.sql('duckdb')}")
    return spark(
        "if(:a < :b, sequence(cast(:a as bigint), cast(:b as bigint) - 1, cast(:s as bigint)),"
        " cast(array() as array<bigint>))",
        a=start,
        b=end,
        s=step,
    )


def latest(node: exp.ArgMax | exp.ArgMin, kinds: Kinds) -> exp.Expr:
    """`arg_max(v, k)` passes over rows in which v is null; Spark's over those in which k is."""
    name = "max_by" if isinstance(node, exp.ArgMax) else "min_by"
    key = spark("case when :v is not null then :k end", v=node.this, k=node.expression)
    return exp.Anonymous(this=name, expressions=[node.this.copy(), key])


def median(node: exp.Median, kinds: Kinds) -> exp.Expr:
    """Half of each of the two in the middle, which Spark sums in another way."""
    if isinstance(node.parent, exp.Window):
        raise NotKnownError(f"the median of a window: {node.parent.sql('duckdb')}")
    body = spark(
        "case when size(:v) > 0 then get(:v, cast((size(:v) - 1) div 2 as int)) * :half"
        " + get(:v, cast(size(:v) div 2 as int)) * :half end",
        v=V,
        half=double_of("0.5"),
    )
    return computed_once(spark("sort_array(collect_list(:x))", x=as_double(node.this)), body)


def concatenated(node: exp.Concat, kinds: Kinds) -> exp.Expr:
    """`concat` takes a null for an empty text."""
    parts = [
        one.this if isinstance(one, exp.Coalesce) and not one.expressions else one
        for one in node.expressions
    ]
    return exp.Anonymous(
        this="concat_ws", expressions=[exp.Literal.string(""), *(one.copy() for one in parts)]
    )


def json_object(node: exp.JSONObject, kinds: Kinds) -> exp.Expr:
    """`json_object` keeps nulls."""
    parts: list[exp.Expr] = []
    for pair in node.expressions:
        parts += [pair.this.copy(), pair.expression.copy()]
    fields = exp.Anonymous(this="named_struct", expressions=parts)
    return spark("to_json(:s, map('ignoreNullFields', 'false'))", s=fields)


def extracted(node: exp.RegexpExtract, kinds: Kinds) -> exp.Expr:
    """`regexp_extract`, with its group; the whole match where none is stated."""
    group = node.args.get("group") or exp.Literal.number(0)
    return exp.Anonymous(
        this="regexp_extract", expressions=[node.this.copy(), node.expression.copy(), group.copy()]
    )


def replaced(node: exp.RegexpReplace, kinds: Kinds) -> exp.Expr:
    """`regexp_replace(.., 'g')`: Spark replaces all by itself."""
    modifiers = node.args.get("modifiers")
    if modifiers is None or modifiers.name != "g":
        raise NotKnownError(f"a replacement of the first match: {node.sql('duckdb')}")
    return exp.Anonymous(
        this="regexp_replace",
        expressions=[node.this.copy(), node.expression.copy(), node.args["replacement"].copy()],
    )


def joined(node: exp.GroupConcat, kinds: Kinds) -> exp.Expr:
    """`string_agg(x, ', ' order by y)`."""
    inner, separator = node.this, node.args.get("separator") or exp.Literal.string(",")
    order = ""
    if isinstance(inner, exp.Order):
        order = f" within group ({_spark_order(inner)})"
        inner = inner.this
    if isinstance(inner, exp.Distinct):
        raise NotKnownError(f"a list without repetitions: {node.sql('duckdb')}")
    return parse_one(
        f"listagg({inner.sql('spark')}, {separator.sql('spark')}){order}", read="spark"
    )


def _spark_order(order: exp.Order) -> str:
    return "order by " + ", ".join(one.sql("spark") for one in order.expressions)


def collected(node: exp.ArrayAgg, kinds: Kinds) -> exp.Expr:
    """`list(distinct x order by x)`: null of no rows, and a null in it, which comes last.

    Spark's lists are empty of no rows, and leave nulls out.
    """
    ordered = node.this
    inner = ordered.this if isinstance(ordered, exp.Order) else None
    if (
        not isinstance(inner, exp.Distinct)
        or len(ordered.expressions) != 1
        or ordered.expressions[0].args.get("desc")
        or ordered.expressions[0].args.get("nulls_first")
        or ordered.expressions[0].this != inner.expressions[0]
        or isinstance(node.parent, exp.Filter | exp.Window)
    ):
        raise NotKnownError(f"a list in an order of its own, or of some rows: {node.sql('duckdb')}")
    return spark(
        "case when count(*) > 0 then concat(array_sort(collect_set(:x)),"
        " case when count(*) > count(:x) then array(null) else array() end) end",
        x=inner.expressions[0],
    )


def pattern(node: exp.Like, kinds: Kinds) -> exp.Expr:
    """A backslash in a pattern is itself in DuckDB, and escapes what follows in Spark."""
    if not node.expression.is_string or "\\" in node.expression.name:
        raise NotKnownError(f"a pattern that is not plain: {node.sql('duckdb')}")
    return node


def without_repetitions(node: exp.ArrayDistinct, kinds: Kinds) -> exp.Expr:
    """`list_distinct` leaves nulls out."""
    return spark("array_compact(array_distinct(:l))", l=node.this)


def length(node: exp.Length, kinds: Kinds) -> exp.Expr:
    """`length` of a list, null of a null; of a text as it is."""
    if kind(node, kinds) == "list":
        return spark("case when :l is not null then size(:l) end", l=node.this)
    return node


def first(node: exp.FirstValue, kinds: Kinds) -> exp.Expr:
    """`first_value(v order by k)` over a frame: the value of its smallest k, nulls last."""
    inner = node.this
    if not isinstance(inner, exp.Order):
        return node
    keys: list[exp.Expr] = []
    for one in inner.expressions:
        value = one.this.copy()
        if one.args.get("desc"):
            if kind(one, kinds) != "timestamp":
                raise NotKnownError(
                    f"a descending order of a {kind(one, kinds)}: {node.sql('duckdb')}"
                )
            value = spark("-timestampdiff(MICROSECOND, timestamp_ntz'1970-01-01', :t)", t=value)
        keys += [value.copy().is_(exp.null()), value]
    return exp.Anonymous(
        this="min_by",
        expressions=[inner.this.copy(), exp.Anonymous(this="struct", expressions=keys)],
    )


def window(node: exp.Window, kinds: Kinds) -> exp.Expr:
    """A row's place among others needs an order in Spark, even where any would do."""
    function = node.this.this if isinstance(node.this, exp.IgnoreNulls) else node.this
    if isinstance(function, PLACES) and not node.args.get("order"):
        raise NotKnownError(f"a row's place without an order: {node.sql('duckdb')}")
    return node


PLACES = (exp.RowNumber, exp.Rank, exp.Lag, exp.Lead)
UNITS = {"to_hours": "hour", "to_minutes": "minute", "to_seconds": "second"}


def named(node: exp.Anonymous, kinds: Kinds) -> exp.Expr:
    """Functions that SQLGlot has no expression for."""
    name = node.name.lower()
    if name in UNITS:
        return spark(f":n * interval '1' {UNITS[name]}", n=node.expressions[0])
    if name == "list_position":
        return position(node)
    if name == "hash":
        # Another number; only whether two are equal may matter.
        return exp.Anonymous(this="xxhash64", expressions=[one.copy() for one in node.expressions])
    return node


RULES: dict[type[exp.Expr], Callable[[Any, Kinds], exp.Expr]] = {
    exp.Div: of_numbers.divided,
    exp.IntDiv: of_numbers.divided_whole,
    exp.Round: of_numbers.rounded,
    exp.Cast: of_numbers.cast,
    exp.TryCast: of_numbers.cast,
    exp.DateDiff: of_times.date_difference,
    exp.TimestampTrunc: of_times.cut,
    exp.TimeToUnix: of_times.epoch,
    exp.UnixToTime: of_times.epoch_ms,
    exp.DayOfWeekIso: of_times.weekday,
    exp.Bracket: element,
    exp.GenerateSeries: numbers,
    exp.ArgMax: latest,
    exp.ArgMin: latest,
    exp.Median: median,
    exp.Concat: concatenated,
    exp.JSONObject: json_object,
    exp.RegexpExtract: extracted,
    exp.RegexpReplace: replaced,
    exp.GroupConcat: joined,
    exp.ArrayAgg: collected,
    exp.Like: pattern,
    exp.ArrayDistinct: without_repetitions,
    exp.Max: largest,
    exp.Filter: filtered,
    exp.Avg: of_numbers.mean,
    exp.Floor: of_numbers.whole,
    exp.Ceil: of_numbers.whole,
    exp.Sign: of_numbers.sign,
    exp.Log: of_numbers.logarithm,
    exp.Length: length,
    exp.Hour: of_times.part_of_time,
    exp.Minute: of_times.part_of_time,
    exp.DateBin: of_times.bucket,
    exp.FirstValue: first,
    exp.Window: window,
    exp.Anonymous: named,
}
