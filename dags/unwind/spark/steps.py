"""A query as steps: what is large and read several times is computed once, and written.

Spark puts a CTE's plan into every place that reads it, and a view's as well. A model with twenty
CTEs that read each other becomes a plan of a thousand joins, whose planning takes minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlglot import exp

# 2026-11-27: two models have thousands of these when written out, five over 150, the others fewer.
# Writing a table of few rows takes as long as planning about ten.
MAX_WEIGHT_IN_TWO_PLACES = 10
MAX_WEIGHT = 120
# What a plan is made of, apart from selecting and filtering.
HEAVY = (exp.Join, exp.Window, exp.Group, exp.Union, exp.Explode, exp.Distinct)
# The weight of a relation by the name of its view; of a table none.
WeightOf = Callable[[str], int]


@dataclass(frozen=True)
class Step:
    """A query whose rows are written before those that read its view."""

    view: str
    query: exp.Expr


def steps_of(model: str, tree: exp.Expr, weight_of: WeightOf) -> list[Step]:
    """The steps of a translated query, in their order; the last one is the query itself.

    Its CTEs have names that no other query within it gives to a CTE.
    """
    ctes = {cte.alias: cte for cte in tree.ctes} if isinstance(tree, exp.Query) else {}
    weights: dict[str, int] = {}
    read_in: dict[str, int] = {}
    for table in tree.find_all(exp.Table):
        read_in[table.name] = read_in.get(table.name, 0) + 1
    steps: list[Step] = []
    views: dict[str, str] = {}
    for name, cte in ctes.items():
        weight = _weight(cte.this, weights, weight_of)
        limit = MAX_WEIGHT_IN_TWO_PLACES if read_in.get(name, 0) > 1 else MAX_WEIGHT
        if weight > limit:
            view = f"{model}__step__{name}"
            steps.append(Step(view, _with_ctes(cte.this, ctes, views)))
            views[name] = view
            weight = 0
        weights[name] = weight
    body = tree.copy()
    body.set("with_", None)
    return [*steps, Step("", _with_ctes(body, ctes, views))]


def weight_of_query(tree: exp.Expr, weight_of: WeightOf) -> int:
    """The weight of a query of one step, its CTEs in every place that reads them."""
    weights: dict[str, int] = {}
    if isinstance(tree, exp.Query):
        for cte in tree.ctes:
            weights[cte.alias] = _weight(cte.this, weights, weight_of)
    body = tree.copy()
    body.set("with_", None)
    return _weight(body, weights, weight_of)


def _weight(query: exp.Expr, weights: dict[str, int], weight_of: WeightOf) -> int:
    weight = 0
    for node in query.walk():
        if isinstance(node, HEAVY):
            weight += 1
        elif isinstance(node, exp.Table):
            known = weights.get(node.name)
            weight += weight_of(node.name) if known is None else known
    return weight


def _with_ctes(query: exp.Expr, ctes: dict[str, exp.CTE], views: dict[str, str]) -> exp.Expr:
    """A query with the CTEs that it reads, and the views of those that have been written."""
    needed: dict[str, exp.CTE] = {}

    def copied(one: exp.Expr) -> exp.Expr:
        new = one.copy()
        for table in list(new.find_all(exp.Table)):
            name = table.name
            if table.db or name not in ctes:
                continue
            if name in views:
                if not table.alias:
                    table.set("alias", exp.TableAlias(this=exp.to_identifier(name)))
                table.set("this", exp.to_identifier(views[name]))
            elif name not in needed:
                needed[name] = ctes[name].copy()
                needed[name].set("this", copied(ctes[name].this))
        return new

    whole = copied(query)
    own = list(whole.ctes) if isinstance(whole, exp.Query) else []
    listed = [needed[name] for name in ctes if name in needed]
    if listed:
        whole.set("with_", exp.With(expressions=[*listed, *own]))
    return whole
