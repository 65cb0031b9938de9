"""Parts of translated expressions, and what they are of."""

from __future__ import annotations

from functools import cache

from sqlglot import exp, parse_one

from unwind.errors import UnwindError
from unwind.spark.types import KIND_OF

Kinds = dict[int, str]


class NotKnownError(UnwindError, RuntimeError):
    """A construct in a form that has no stated translation."""


def spark(template: str, **parts: exp.Expr) -> exp.Expr:
    """An expression of Spark's, with parts in the places of `:name`."""
    parsed = _parsed(template).copy()
    for place in list(parsed.find_all(exp.Placeholder)):
        new = parts[place.name].copy()
        if place is parsed:
            return new
        place.replace(
            new if isinstance(new, exp.Column | exp.Literal | exp.Func) else exp.paren(new)
        )
    return parsed


@cache
def _parsed(template: str) -> exp.Expr:
    parsed: exp.Expr = parse_one(template, read="spark")
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


def double_of(text: str) -> exp.Expr:
    """A number, as text, as a double."""
    return exp.Cast(this=exp.Literal.number(text), to=exp.DataType.build("double"))


def as_double(node: exp.Expr) -> exp.Expr:
    """A value cast to a double, once."""
    if isinstance(node, exp.Cast) and node.to.this == exp.DataType.Type.DOUBLE:
        return node.copy()
    return exp.Cast(this=node.copy(), to=exp.DataType.build("double"))
