"""One function per construct that means something else in Spark, or is written otherwise there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp, parse_one

from unwind.errors import UnwindError
from unwind.spark.types import KIND_OF

Kinds = dict[int, str]


class NotKnownError(UnwindError, RuntimeError):
    """A construct in a form that has no stated translation."""


def rewritten(tree: exp.Expr, kinds: Kinds) -> exp.Expr:
    """The tree with every construct translated, from the innermost."""
    root = exp.Paren(this=tree)
    for node in reversed(list(tree.walk())):
        rule = RULES.get(type(node))
        if rule:
            new = rule(node, kinds)
            if new is not node:
                node.replace(new)
    return root.this


def spark(template: str, **parts: exp.Expr) -> exp.Expr:
    """An expression of Spark's, with parts in the places of `:name`."""
    parsed = parse_one(template, read="spark")
    for place in list(parsed.find_all(exp.Placeholder)):
        new = parts[place.name].copy()
        if place is parsed:
            return new
        place.replace(
            new if isinstance(new, exp.Column | exp.Literal | exp.Func) else exp.paren(new)
        )
    return parsed


def kind(node: exp.Expr, kinds: Kinds) -> str:
    """What the first argument of a node is. Raises NotKnownError where that cannot be told."""
    found = kinds.get(node.meta.get("asks", -1))
    if found is None:
        found = _plain_kind(node.this)
    if found is None:
        raise NotKnownError(f"of an unknown type: {node.sql('duckdb')[:200]}")
    return found


def _plain_kind(node: exp.Expr) -> str | None:
    """The kind of an expression that shows it."""
    while isinstance(node, exp.Paren):
        node = node.this
    if isinstance(node, exp.Literal):
        return (
            "text"
            if node.is_string
            else "double"
            if "e" in node.name.lower()
            else ("decimal" if "." in node.name else "integer")
        )
    if isinstance(node, exp.Div | exp.Ln | exp.Exp | exp.Sqrt | exp.Pow | exp.Median):
        return "double"
    if isinstance(node, exp.Null):
        return "null"
    if isinstance(node, exp.Cast):
        return KIND_OF.get(node.to.this.name)
    if isinstance(node, exp.JSONFormat):
        return "text"
    if isinstance(node, exp.Column) and not node.table and node.parent_select:
        # An alias of the same select.
        for one in node.parent_select.expressions:
            if isinstance(one, exp.Alias) and one.alias == node.name:
                return _plain_kind(one.this)
    if isinstance(node, exp.Add | exp.Sub | exp.Mul):
        sides = {_plain_kind(node.this), _plain_kind(node.expression)}
        return "double" if "double" in sides else None
    if isinstance(node, exp.Replace | exp.RegexpExtract | exp.Lower | exp.Concat | exp.DPipe):
        return "text"
    if isinstance(node, exp.Count | exp.RowNumber):
        return "integer"
    return None


def divided(node: exp.Div, kinds: Kinds) -> exp.Expr:
    """`a / b` is a quotient of doubles; by zero it raises there, and gives infinity in DuckDB."""
    return exp.Div(
        this=_double(node.this), expression=_double(node.expression), typed=True, safe=False
    )


def _double(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Cast) and node.to.this == exp.DataType.Type.DOUBLE:
        return node.copy()
    return exp.Cast(this=node.copy(), to=exp.DataType.build("double"))


def divided_whole(node: exp.IntDiv, kinds: Kinds) -> exp.Expr:
    """`a // b` of whole numbers: towards zero in both."""
    return spark(":a div :b", a=node.this, b=node.expression)


def rounded(node: exp.Round, kinds: Kinds) -> exp.Expr:
    """DuckDB rounds the double that `x * 10^n` is, half away from zero; Spark the digits of x."""
    if kind(node, kinds) != "double":
        return node
    digits = node.args.get("decimals")
    if digits is None:
        return node
    if not (isinstance(digits, exp.Literal) and digits.is_int):
        raise NotKnownError(
            f"rounding to a number of digits that is no literal: {node.sql('duckdb')}"
        )
    power = exp.Literal.number(f"1e{digits.name}")
    return spark(
        "round(:x * :p) / :p", x=node.this, p=exp.Cast(this=power, to=exp.DataType.build("double"))
    )


def cast(node: exp.Cast, kinds: Kinds) -> exp.Expr:
    """Casts that round or print otherwise: of doubles to decimals and integers, and to text."""
    to = node.to
    name = to.this.name
    is_try = isinstance(node, exp.TryCast)
    if isinstance(node.this, exp.Explode):
        return _of_each(node)
    if name in ("INT", "BIGINT", "SMALLINT"):
        what = kind(node, kinds)
        if what == "double":
            # Half to even; Spark cuts off.
            return type(node)(this=exp.func("rint", node.this.copy()), to=to.copy())
        if what == "decimal":
            return type(node)(this=exp.Round(this=node.this.copy()), to=to.copy())
        if what not in ("integer", "boolean", "text", "null"):
            raise NotKnownError(f"a cast of a {what}: {node.sql('duckdb')[:200]}")
        return node
    if name == "DECIMAL":
        what = kind(node, kinds)
        return decimal_of_double(node, is_try) if what == "double" else node
    if name == "UUID":
        # 32 hexadecimal digits, as md5 gives them.
        return spark(
            "regexp_replace(:t, '^(.{8})(.{4})(.{4})(.{4})(.{12})$', '$1-$2-$3-$4-$5')", t=node.this
        )
    if name == "TEXT":
        what = kind(node, kinds)
        if what == "double":
            return text_of_double(node.this)
        if what in ("list", "interval"):
            raise NotKnownError(f"the text of a {what}: {node.sql('duckdb')[:200]}")
    return node


# A value that is computed once and named several times.
V = exp.column("_v")


def computed_once(value: exp.Expr, body: exp.Expr) -> exp.Expr:
    """`body`, in which the column `_v` is the value."""
    if isinstance(value, exp.Column):
        for place in list(body.find_all(exp.Column)):
            if place.name == V.name:
                place.replace(value.copy())
        return body
    one = exp.Anonymous(this="array", expressions=[value.copy()])
    function = exp.Lambda(this=body, expressions=[exp.to_identifier(V.name)])
    applied = exp.Anonymous(this="transform", expressions=[one, function])
    return exp.Anonymous(this="get", expressions=[applied, exp.Literal.number(0)])


def _of_each(node: exp.Cast) -> exp.Expr:
    """A cast of a list's elements, as they become rows: Spark wants it of the list."""
    if node.to.this.name not in ("INT", "BIGINT", "DATE"):
        raise NotKnownError(f"rows of a list, cast: {node.sql('duckdb')[:200]}")
    to = exp.DataType(this=exp.DataType.Type.ARRAY, expressions=[node.to.copy()], nested=True)
    return exp.Explode(this=type(node)(this=node.this.this.copy(), to=to))


def decimal_of_double(node: exp.Cast, is_try: bool) -> exp.Expr:
    """DuckDB rounds the double that `x * 10^scale` is, half away from zero, and keeps all digits.

    Spark takes the shortest text of x. So the double is taken apart into two integers of 63 bits,
    and none of its digits is lost; what is beyond 126 bits raises.
    """
    sizes = [int(one.name) for one in node.to.expressions]
    precision, scale = sizes if len(sizes) == 2 else (18, 3)
    text = "0." + "0" * (scale - 1) + "1" if scale else "1"
    unit = spark(f"cast('{text}' as decimal({scale + 1}, {scale}))")
    if precision <= 18:
        whole = spark("cast(cast(:v as bigint) as decimal(19, 0))", v=V)
    else:
        whole = spark(
            "cast(:v / :h as bigint) * cast('9223372036854775808' as decimal(19, 0))"
            " + cast(cast(:v - cast(cast(:v / :h as bigint) as double) * :h as bigint)"
            " as decimal(19, 0))",
            v=V,
            h=_literal("9223372036854775808e0"),
        )
    value = exp.Cast(this=exp.Mul(this=exp.paren(whole), expression=unit), to=node.to.copy())
    outside = (
        exp.null()
        if is_try
        else exp.func("raise_error", exp.Literal.string("a double beyond its decimal"))
    )
    body = spark(
        "case when abs(:v) < :limit then :value when :v is not null then :outside end",
        v=V,
        limit=_literal(f"1e{precision}"),
        value=value,
        outside=outside,
    )
    return computed_once(spark("round(:x * :p)", x=node.this, p=_literal(f"1e{scale}")), body)


def text_of_double(value: exp.Expr) -> exp.Expr:
    """DuckDB's text of a double: 12345678.0, 1e+16 and 1.5e-05 are 1.2345678E7, ... in Spark."""
    shortest = spark("cast(:v as string)", v=V)
    mantissa = spark("regexp_replace(substring_index(:s, 'E', 1), '[.]0$', '')", s=shortest)
    power = spark("cast(substring_index(:s, 'E', -1) as int)", s=shortest)
    plain = spark("rtrim('0', cast(cast(:v as decimal(38, 20)) as string))", v=V)
    body = spark(
        "case when isnan(:v) then 'nan' when abs(:v) = double('infinity')"
        " then if(:v > 0, 'inf', '-inf') when not contains(:s, 'E') then :s"
        " when abs(:v) >= double('1e-4') and abs(:v) < double('1e16')"
        " then concat(:plain, if(endswith(:plain, '.'), '0', ''))"
        " else concat(:m, if(:p < 0, 'e-', 'e+'), if(abs(:p) < 10, '0', ''),"
        " cast(abs(:p) as string)) end",
        v=V,
        s=shortest,
        m=mantissa,
        p=power,
        plain=plain,
    )
    return computed_once(value, body)


def largest(node: exp.Max, kinds: Kinds) -> exp.Expr:
    """`max(x, n)`: a list of the n largest, from the largest."""
    count = node.args.get("count")
    if count is None:
        return node
    return spark("slice(sort_array(collect_list(:x), false), 1, :n)", x=node.this, n=count)


def filtered(node: exp.Filter, kinds: Kinds) -> exp.Expr:
    """A filter belongs to the aggregate, which may have become a part of an expression."""
    if isinstance(node.this, exp.AggFunc) or _name(node.this) in AGGREGATES:
        return node
    inner = [one for one in node.this.find_all(exp.Expr) if _name(one) in AGGREGATES]
    if len(inner) != 1:
        raise NotKnownError(f"a filter of {node.this.sql('spark')[:200]}")
    whole = node.this
    inner[0].replace(exp.Filter(this=inner[0].copy(), expression=node.expression.copy()))
    return whole.copy()


AGGREGATES = ("collect_list", "collect_set", "max_by", "min_by", "percentile")


def _name(node: exp.Expr) -> str:
    return node.name.lower() if isinstance(node, exp.Anonymous) else type(node).__name__.lower()


def _literal(text: str) -> exp.Expr:
    return exp.Cast(this=exp.Literal.number(text), to=exp.DataType.build("double"))


def date_difference(node: exp.DateDiff, kinds: Kinds) -> exp.Expr:
    """`date_diff(unit, a, b)` counts the unit's borders between a and b; Spark counts whole units."""
    unit = (node.text("unit") or "DAY").upper()
    later, earlier = node.this, node.expression
    if unit == "MICROSECOND":
        return exp.Anonymous(
            this="timestampdiff", expressions=[exp.var(unit), earlier.copy(), later.copy()]
        )
    if unit not in ("SECOND", "MINUTE", "HOUR", "DAY"):
        raise NotKnownError(f"a difference in {unit.lower()}s")
    return exp.Anonymous(
        this="timestampdiff", expressions=[exp.var(unit), _cut(unit, earlier), _cut(unit, later)]
    )


def cut(node: exp.TimestampTrunc, kinds: Kinds) -> exp.Expr:
    """`date_trunc`: of days and longer a date in DuckDB, else a time without an offset."""
    unit = node.text("unit").upper()
    if unit in ("SECOND", "MINUTE", "HOUR"):
        return _cut(unit, node.this)
    if unit == "DAY":
        return spark("cast(:t as date)", t=node.this)
    raise NotKnownError(f"date_trunc to a {unit.lower()}")


def _cut(unit: str, time: exp.Expr) -> exp.Expr:
    return spark(f"cast(date_trunc('{unit}', :t) as timestamp_ntz)", t=time)


def epoch(node: exp.TimeToUnix, kinds: Kinds) -> exp.Expr:
    """`epoch`: seconds as a double, of a time or of the difference of two."""
    inner = node.this
    while isinstance(inner, exp.Paren):
        inner = inner.this
    if isinstance(inner, exp.Sub) and not inner.expression.find(exp.Interval):
        return spark(
            "timestampdiff(MICROSECOND, :a, :b) / :m",
            a=inner.expression,
            b=inner.this,
            m=_literal("1e6"),
        )
    return spark(
        "timestampdiff(MICROSECOND, timestamp_ntz'1970-01-01', :t) / :m", t=inner, m=_literal("1e6")
    )


def epoch_ms(node: exp.UnixToTime, kinds: Kinds) -> exp.Expr:
    """`epoch_ms` of a time: whole milliseconds."""
    if kind(node, kinds) != "timestamp":
        raise NotKnownError(f"a time from a number: {node.sql('duckdb')}")
    return spark("timestampdiff(MICROSECOND, timestamp_ntz'1970-01-01', :t) div 1000", t=node.this)


def weekday(node: exp.DayOfWeekIso, kinds: Kinds) -> exp.Expr:
    """Monday is 1 and Sunday 7; SQLGlot's own translation makes a Thursday a 6."""
    return spark("weekday(:t) + 1", t=node.this)


def element(node: exp.Bracket, kinds: Kinds) -> exp.Expr:
    """`list[n]`, from 1, null beyond its ends. SQLGlot has made n count from 0."""
    if len(node.expressions) != 1 or isinstance(node.expressions[0], exp.Slice):
        raise NotKnownError(f"a part of a list: {node.sql('duckdb')}")
    return exp.func("get", node.this.copy(), spark("cast(:n as int)", n=node.expressions[0]))


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
    """The mean of the two in the middle."""
    return spark("percentile(:x, 0.5)", x=node.this)


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
    """`array_agg(distinct x order by x)`: sorted; with no order, in any."""
    inner = node.this
    if isinstance(inner, exp.Order):
        ordered = inner.expressions
        inner = inner.this
        if (
            isinstance(inner, exp.Distinct)
            and len(ordered) == 1
            and not ordered[0].args.get("desc")
            and (ordered[0].this == inner.expressions[0])
        ):
            return spark("array_sort(collect_set(:x))", x=inner.expressions[0])
        raise NotKnownError(f"a list in an order of its own: {node.sql('duckdb')[:200]}")
    if isinstance(inner, exp.Distinct):
        return spark("collect_set(:x)", x=inner.expressions[0])
    return spark("collect_list(:x)", x=inner)


def without_repetitions(node: exp.ArrayDistinct, kinds: Kinds) -> exp.Expr:
    """`list_distinct` leaves nulls out."""
    return spark("array_compact(array_distinct(:l))", l=node.this)


def mean(node: exp.Avg, kinds: Kinds) -> exp.Expr:
    """A mean is a double, of decimals too."""
    return exp.Avg(this=_double(node.this))


def whole(node: exp.Floor | exp.Ceil, kinds: Kinds) -> exp.Expr:
    """Floors of doubles are doubles."""
    if kind(node, kinds) == "double":
        return spark("cast(:f as double)", f=node)
    return node


def sign(node: exp.Sign, kinds: Kinds) -> exp.Expr:
    """A sign is an integer."""
    return spark("cast(sign(:x) as int)", x=node.this)


def logarithm(node: exp.Log, kinds: Kinds) -> exp.Expr:
    """`log10`."""
    if node.this.name != "10":
        raise NotKnownError(f"a logarithm: {node.sql('duckdb')}")
    return spark("log10(:x)", x=node.expression)


def length(node: exp.Length, kinds: Kinds) -> exp.Expr:
    """`length` of a list, null of a null; of a text as it is."""
    if kind(node, kinds) == "list":
        return spark("case when :l is not null then size(:l) end", l=node.this)
    return node


def bucket(node: exp.DateBin, kinds: Kinds) -> exp.Expr:
    """`time_bucket` by minutes that divide a day: counted from an epoch at a midnight."""
    step = node.this
    minutes = int(step.this.name) if isinstance(step, exp.Interval) else 0
    if (
        step.text("unit").upper() != "MINUTE"
        or not minutes
        or 1440 % minutes
        or node.args.get("zone")
    ):
        raise NotKnownError(f"a time bucket: {node.sql('duckdb')}")
    return spark(
        "timestamp_ntz'1970-01-01' + floor(timestampdiff(MICROSECOND, timestamp_ntz'1970-01-01', :t)"
        f" / cast({minutes * 60_000_000} as double)) * {minutes} * interval '1' minute",
        t=node.expression,
    )


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


UNITS = {"to_hours": "hour", "to_minutes": "minute", "to_seconds": "second"}


def named(node: exp.Anonymous, kinds: Kinds) -> exp.Expr:
    """Functions that SQLGlot has no expression for."""
    name = node.name.lower()
    if name in UNITS:
        return spark(f":n * interval '1' {UNITS[name]}", n=node.expressions[0])
    if name == "list_position":
        return position(node)
    return node


RULES: dict[type[exp.Expr], Callable[[Any, Kinds], exp.Expr]] = {
    exp.Div: divided,
    exp.IntDiv: divided_whole,
    exp.Round: rounded,
    exp.Cast: cast,
    exp.TryCast: cast,
    exp.DateDiff: date_difference,
    exp.TimestampTrunc: cut,
    exp.TimeToUnix: epoch,
    exp.UnixToTime: epoch_ms,
    exp.DayOfWeekIso: weekday,
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
    exp.ArrayDistinct: without_repetitions,
    exp.Max: largest,
    exp.Filter: filtered,
    exp.Avg: mean,
    exp.Floor: whole,
    exp.Ceil: whole,
    exp.Sign: sign,
    exp.Log: logarithm,
    exp.Length: length,
    exp.DateBin: bucket,
    exp.FirstValue: first,
    exp.Anonymous: named,
}
