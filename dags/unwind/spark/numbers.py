"""Numbers: DuckDB's quotients, roundings and casts, as Spark writes them."""

from __future__ import annotations

from sqlglot import exp

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


def divided(node: exp.Div, kinds: Kinds) -> exp.Expr:
    """`a / b` is a quotient of doubles; by zero it raises there, and gives infinity in DuckDB."""
    return exp.Div(
        this=as_double(node.this), expression=as_double(node.expression), typed=True, safe=False
    )


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
            h=double_of("9223372036854775808e0"),
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
        limit=double_of(f"1e{precision}"),
        value=value,
        outside=outside,
    )
    return computed_once(spark("round(:x * :p)", x=node.this, p=double_of(f"1e{scale}")), body)


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


def mean(node: exp.Avg, kinds: Kinds) -> exp.Expr:
    """A mean is a double, of decimals too."""
    return exp.Avg(this=as_double(node.this))


def whole(node: exp.Floor | exp.Ceil, kinds: Kinds) -> exp.Expr:
    """Floors of doubles are doubles; Spark's are integers of 64 bits, and raise beyond them."""
    if kind(node, kinds) != "double":
        return node
    # From 2^53 on, all doubles are whole.
    body = spark(
        "case when abs(:v) < 9007199254740992 then cast(:f as double) else :v end",
        v=V,
        f=type(node)(this=V.copy()),
    )
    return computed_once(node.this, body)


def sign(node: exp.Sign, kinds: Kinds) -> exp.Expr:
    """A sign is an integer."""
    return spark("cast(sign(:x) as int)", x=node.this)


def logarithm(node: exp.Log, kinds: Kinds) -> exp.Expr:
    """`log10`."""
    if node.this.name != "10":
        raise NotKnownError(f"a logarithm: {node.sql('duckdb')}")
    return spark("log10(:x)", x=node.expression)
