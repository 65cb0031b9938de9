"""What is translated by the shape of a select: relations, windows, ASOF joins, QUALIFY, UNNEST."""

from __future__ import annotations

from sqlglot import exp

from unwind.spark.expressions import NotKnownError
from unwind.spark.tables import view_name
from unwind.spark.types import TypesOf


def restructured(tree: exp.Expr, types: TypesOf) -> exp.Expr:
    """The tree with the shapes that Spark knows."""
    unions_by_name(tree, types)
    name_nested_queries(tree)
    replaced_columns(tree, types)
    for offset in list(tree.find_all(exp.Offset)):
        # `offset 0` is a hint as well.
        if offset.expression.name != "0":
            raise NotKnownError(offset.sql("duckdb"))
        offset.pop()
    for cte in tree.find_all(exp.CTE):
        # A hint to DuckDB's optimizer.
        cte.set("materialized", None)
    for select in list(tree.find_all(exp.Select)):
        inline_windows(select)
    for window in list(tree.find_all(exp.Window)):
        rank_in_frame(window)
    for select in list(tree.find_all(exp.Select)):
        asof_joins(select)
    for table in list(tree.find_all(exp.Table)):
        name_relation(table)
    # From the innermost: a QUALIFY puts a select around another.
    for select in reversed(list(tree.find_all(exp.Select))):
        qualify_as_subquery(select)
    return tree


def name_relation(table: exp.Table) -> None:
    """`"marts"."release"` is the view marts__release, still called by its own name."""
    if not table.db:
        return
    if not table.alias:
        table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name)))
    table.set("this", exp.to_identifier(view_name(f"{table.db}.{table.name}")))
    table.set("db", None)
    table.set("catalog", None)


def name_nested_queries(tree: exp.Expr) -> None:
    """Gives CTEs of a query within a query their own names: SQLGlot moves them to the top."""
    for number, query in enumerate(list(tree.find_all(exp.Query))):
        if query is tree or not query.ctes:
            continue
        names = {cte.alias: f"{cte.alias}_of_{number}" for cte in query.ctes}
        for table in list(query.find_all(exp.Table)):
            if not table.db and table.name in names:
                if not table.alias:
                    table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name)))
                table.set("this", exp.to_identifier(names[table.name]))
        for cte in query.ctes:
            cte.args["alias"].set("this", exp.to_identifier(names[cte.alias]))


def replaced_columns(tree: exp.Expr, types: TypesOf) -> None:
    """`* replace (e as c)` is every column by its name, with e in the place of c."""
    for select in list(tree.find_all(exp.Select)):
        listed: list[exp.Expr] = []
        for one in select.expressions:
            star = one.this if isinstance(one, exp.Column) else one
            changed = star.args.get("replace") if isinstance(star, exp.Star) else None
            if not changed:
                listed.append(one)
                continue
            values = {value.alias: value for value in changed}
            table = one.table if isinstance(one, exp.Column) else ""
            listed += [
                values[name].copy() if name in values else exp.column(name, table=table or None)
                for name in _columns_of_star(one, select, types)
            ]
        select.set("expressions", listed)


def unions_by_name(tree: exp.Expr, types: TypesOf) -> None:
    """`union all by name`: every column in every part, null where a part has none."""
    for union in list(tree.find_all(exp.Union)):
        if not union.args.get("by_name") or isinstance(union.parent, exp.Union):
            continue
        parts = _parts(union)
        listed = [_columns(part, types) for part in parts]
        names = list(dict.fromkeys(name for columns in listed for name in columns))
        for part, columns in zip(parts, listed, strict=True):
            of_part = exp.Subquery(
                this=part.copy(), alias=exp.TableAlias(this=exp.to_identifier("_part"))
            )
            chosen = [
                exp.column(name) if name in columns else exp.alias_(exp.null(), name)
                for name in names
            ]
            part.replace(exp.select(*chosen).from_(of_part))
        for one in [union, *union.find_all(exp.Union)]:
            one.set("by_name", None)


def _parts(query: exp.Expr) -> list[exp.Expr]:
    if isinstance(query, exp.Union):
        if not query.args.get("by_name"):
            raise NotKnownError("a union by name of one by place")
        return [*_parts(query.this), *_parts(query.expression)]
    return [query]


def _columns(query: exp.Expr, types: TypesOf) -> list[str]:
    """The names of a query's columns, where they can be told without a database."""
    if isinstance(query, exp.Union):
        return _columns(query.this, types)
    names: list[str] = []
    for one in query.expressions:
        names += _columns_of_star(one, query, types) if one.is_star else [one.alias_or_name]
    return names


def _columns_of_star(star: exp.Expr, query: exp.Expr, types: TypesOf) -> list[str]:
    """The columns of `*` or `table.*` in a select, less those that it excludes."""
    joins = query.args.get("joins") or []
    sources = [(query.args.get("from_") or query.args["from"]).this, *(one.this for one in joins)]
    if isinstance(star, exp.Column):
        sources = [one for one in sources if one.alias_or_name == star.table]
    if len(sources) != 1 or not isinstance(sources[0], exp.Table):
        raise NotKnownError(f"columns by *: {query.sql('duckdb')[:200]}")
    inner = star.this if isinstance(star, exp.Column) else star
    without = {one.name for one in inner.args.get("except_") or ()}
    return [one for one in _columns_of_table(sources[0], types) if one not in without]


def _columns_of_table(table: exp.Table, types: TypesOf) -> list[str]:
    if table.db:
        known = types(f"{table.db}.{table.name}")
        if known is None:
            raise NotKnownError(f"columns of {table.db}.{table.name}, which is not there")
        return list(known)
    for query in _enclosing(table):
        for cte in query.ctes:
            if cte.alias == table.name:
                return _columns(cte.this, types)
    raise NotKnownError(f"columns of {table.name}")


def _enclosing(node: exp.Expr) -> list[exp.Query]:
    above, found = node.parent, []
    while above is not None:
        if isinstance(above, exp.Query):
            found.append(above)
        above = above.parent
    return found


def inline_windows(select: exp.Select) -> None:
    """Named windows in full, where they are used: Spark extends none of them."""
    named = {window.name: window for window in select.args.get("windows") or ()}
    if not named:
        return
    select.set("windows", None)
    for window in list(select.find_all(exp.Window)):
        if window.args.get("alias") and window.parent_select is select:
            _fill(window, named)


def _fill(window: exp.Window, named: dict[str, exp.Window]) -> None:
    seen = window.args["alias"].name
    while seen:
        base = named.get(seen)
        if base is None:
            raise NotKnownError(f"a window that is not named here: {seen}")
        for part in ("partition_by", "order", "spec"):
            if not window.args.get(part) and base.args.get(part):
                value = base.args[part]
                window.set(
                    part, [one.copy() for one in value] if isinstance(value, list) else value.copy()
                )
        further = base.args.get("alias")
        seen = further.name if further else None
    window.set("alias", None)


def rank_in_frame(window: exp.Window) -> None:
    """`rank(order by x) over frame`: one more than the frame's values that come before the row's.

    Only where the row is outside of its frame, and nulls come last.
    """
    rank = window.this
    if not isinstance(rank, exp.Rank) or not rank.expressions:
        return
    order = rank.expressions[0]
    one = order.expressions[0] if isinstance(order, exp.Order) else None
    if one is None or len(order.expressions) != 1 or one.args.get("nulls_first"):
        raise NotKnownError(f"a rank by {rank.sql('duckdb')}")
    spec = window.args.get("spec")
    sides = (
        {str(spec.args.get("start_side")).lower(), str(spec.args.get("end_side")).lower()}
        if spec
        else set()
    )
    if len(sides) != 1 or not sides <= {"preceding", "following"}:
        raise NotKnownError(f"a rank within a frame of its own row: {window.sql('duckdb')[:200]}")
    values = window.copy()
    values.set("this", exp.Anonymous(this="collect_list", expressions=[one.this.copy()]))
    before = exp.GT if one.args.get("desc") else exp.LT
    item = exp.to_identifier("_v")
    test = exp.Lambda(
        this=exp.or_(
            exp.Is(this=one.this.copy(), expression=exp.null()),
            before(this=exp.Column(this=item.copy()), expression=one.this.copy()),
        ),
        expressions=[item],
    )
    count = exp.Anonymous(
        this="size", expressions=[exp.Anonymous(this="filter", expressions=[values, test])]
    )
    window.replace(exp.paren(exp.Add(this=count, expression=exp.Literal.number(1))))


def asof_joins(select: exp.Select) -> None:
    """`l asof join r on k = k and l.t >= r.t`: r's rows hold until the next one of their key.

    Of rows of `r` with one key and one time, either engine takes any.
    """
    for join in select.args.get("joins") or ():
        if join.method.upper() == "ASOF":
            _asof(join)


FLIPPED = {exp.GTE: exp.LTE, exp.GT: exp.LT, exp.LTE: exp.GTE, exp.LT: exp.GT}


def _asof(join: exp.Join) -> None:
    right = join.this
    name = right.alias_or_name
    keys: list[exp.Expr] = []
    time: exp.Binary | None = None
    if join.args.get("using") or not join.args.get("on"):
        raise NotKnownError("an ASOF join by USING")
    for condition in (
        join.args["on"].flatten() if isinstance(join.args["on"], exp.And) else [join.args["on"]]
    ):
        if isinstance(condition, exp.EQ):
            keys.append(condition)
        elif isinstance(condition, exp.Binary) and type(condition) in FLIPPED and time is None:
            time = condition
        else:
            raise NotKnownError(f"an ASOF join on {condition.sql('duckdb')}")
    if time is None:
        raise NotKnownError("an ASOF join without an inequality")
    left_time, right_time, kind = time.this, time.expression, type(time)
    if not _is_of(right_time, name):
        left_time, right_time, kind = right_time, left_time, FLIPPED[kind]
    if not (isinstance(right_time, exp.Column) and right_time.table == name):
        raise NotKnownError(f"an ASOF join on {time.sql('duckdb')}")
    partition = []
    for key in keys:
        one = key.expression if _is_of(key.expression, name) else key.this
        if not (isinstance(one, exp.Column) and one.table == name):
            raise NotKnownError(f"an ASOF join on {key.sql('duckdb')}")
        partition.append(exp.column(one.name))
    descending = kind in (exp.LTE, exp.LT)
    until = exp.Window(
        this=exp.Lead(this=exp.column(right_time.name)),
        partition_by=partition,
        order=exp.Order(
            expressions=[
                exp.Ordered(this=exp.column(right_time.name), desc=descending, nulls_first=False)
            ]
        ),
    )
    source = right.copy()
    if isinstance(right, exp.Table):
        source.set("alias", None)
    else:
        # Its columns may have their names from it.
        source.args["alias"].set("this", exp.to_identifier("_r"))
    ranged = (
        exp.select(exp.Star(), exp.alias_(until, "_until"))
        .from_(source)
        .where(exp.column(right_time.name).is_(exp.null()).not_())
    )
    join.set("this", exp.Subquery(this=ranged, alias=exp.TableAlias(this=exp.to_identifier(name))))
    join.set("method", None)
    end = exp.column("_until", table=name)
    before = {
        exp.GTE: exp.LT,
        exp.GT: exp.LTE,
        exp.LTE: exp.GT,
        exp.LT: exp.GTE,
    }[kind]
    join.set(
        "on",
        exp.and_(
            join.args["on"],
            exp.paren(
                exp.or_(end.copy().is_(exp.null()), before(this=left_time.copy(), expression=end))
            ),
        ),
    )


def _is_of(node: exp.Expr, name: str) -> bool:
    return any(column.table == name for column in node.find_all(exp.Column))


def qualify_as_subquery(select: exp.Select) -> None:
    """`select ... qualify c`: the select with c's windows as columns, in a select where c holds."""
    qualify = select.args.get("qualify")
    if not qualify:
        return
    select.set("qualify", None)
    aliases = {one.alias: one.this for one in select.expressions if isinstance(one, exp.Alias)}
    condition = qualify.this
    # An alias of the select is meant where no column has its name; windows become columns.
    added: list[exp.Expr] = []

    def as_column(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Window) or (
            isinstance(node, exp.Column) and not _inside(node, exp.Query)
        ):
            if isinstance(node, exp.Column) and not node.table and node.name in aliases:
                return exp.column(node.name, table="_q")
            name = f"_q{len(added)}"
            added.append(exp.alias_(node.copy(), name))
            return exp.column(name, table="_q")
        return node

    root = exp.Paren(this=condition.copy())
    _replace_top(root, as_column)
    star = any(
        isinstance(one, exp.Star) or (isinstance(one, exp.Column) and one.is_star)
        for one in select.expressions
    )
    names = [one.alias_or_name for one in select.expressions]
    inner = select.copy()
    # What comes after QUALIFY stays outside.
    for part in ("with_", "with", "order", "limit", "distinct"):
        if inner.args.get(part):
            inner.set(part, None)
    inner.set("expressions", [*inner.expressions, *added])
    outer: list[exp.Expr]
    if star:
        outer = (
            [exp.Star(except_=[exp.to_identifier(one.alias) for one in added])]
            if added
            else [exp.Star()]
        )
    else:
        outer = [exp.column(name, table="_q", quoted=False) for name in names]
    for part in ("joins", "where", "group", "having", "laterals"):
        select.set(part, None)
    select.set("expressions", outer)
    key = "from_" if "from_" in exp.Select.arg_types else "from"
    select.set(
        key,
        exp.From(this=exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier("_q")))),
    )
    select.set("where", exp.Where(this=root.this))


def _inside(node: exp.Expr, kind: type[exp.Expr]) -> bool:
    above = node.parent
    while above is not None:
        if isinstance(above, kind):
            return True
        above = above.parent
    return False


def _replace_top(node: exp.Expr, change: object) -> None:
    """Replaces the outermost expressions for which `change` gives another."""
    for child in list(node.iter_expressions()):
        new = change(child)  # type: ignore[operator]
        if new is not child:
            child.replace(new)
        elif not isinstance(child, exp.Query):
            _replace_top(child, change)
