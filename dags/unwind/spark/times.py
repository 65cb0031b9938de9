"""Times: DuckDB's differences, cuts and epochs, as Spark writes them."""

from __future__ import annotations

from sqlglot import exp

from unwind.spark.expressions import Kinds, NotKnownError, double_of, kind, spark


def date_difference(node: exp.DateDiff, kinds: Kinds) -> exp.Expr:
    """`date_diff(unit, a, b)` counts the unit's borders from a to b; Spark counts whole units."""
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
            m=double_of("1e6"),
        )
    return spark(
        "timestampdiff(MICROSECOND, timestamp_ntz'1970-01-01', :t) / :m",
        t=inner,
        m=double_of("1e6"),
    )


def epoch_ms(node: exp.UnixToTime, kinds: Kinds) -> exp.Expr:
    """`epoch_ms` of a time: whole milliseconds."""
    if kind(node, kinds) != "timestamp":
        raise NotKnownError(f"a time from a number: {node.sql('duckdb')}")
    return spark("timestampdiff(MICROSECOND, timestamp_ntz'1970-01-01', :t) div 1000", t=node.this)


def weekday(node: exp.DayOfWeekIso, kinds: Kinds) -> exp.Expr:
    """Monday is 1 and Sunday 7; SQLGlot's own translation makes a Thursday a 6."""
    return spark("weekday(:t) + 1", t=node.this)


def part_of_time(node: exp.Hour | exp.Minute, kinds: Kinds) -> exp.Expr:
    """`hour` and `minute` are of 64 bits."""
    return exp.cast(node.copy(), "bigint")


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
        "timestamp_ntz'1970-01-01'"
        " + floor(timestampdiff(MICROSECOND, timestamp_ntz'1970-01-01', :t)"
        f" / cast({minutes * 60_000_000} as double)) * {minutes} * interval '1' minute",
        t=node.expression,
    )
