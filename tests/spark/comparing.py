"""Whether two homes' files have the same tables: text, times and decimals alike, doubles nearly."""

from __future__ import annotations

from unwind.database import in_memory
from unwind.settings import Home

# Sums of doubles depend on the order of their rows.
MAX_RELATIVE_DIFFERENCE = 1e-9
# Each refresh has its own.
OF_A_RUN = ("run_id",)
# Doubles among other values, as text; in a row's text, digits after the sixth decimal are left out.
TEXTS_OF_VALUES = {"mart_revisions": ("value_before", "value_after")}
NUMBER = "try_cast({0} as double) as {0}_number"
TEXT = (
    "case when try_cast({0} as double) is null"
    r" then regexp_replace({0}, '(\.\d{{6}})\d+', '\1', 'g') end as {0}_text"
)


def differences(one: Home, other: Home) -> dict[str, str]:
    """By table of facts, steps and marts, what differs; empty where nothing does."""
    connection = in_memory()
    for name, home in (("one", one), ("other", other)):
        for path in (home.staging_db, home.warehouse_db):
            connection.execute(f"attach '{path}' as {name}_{path.stem} (read_only)")
    tables = [_tables(connection, name) for name in ("one", "other")]
    found = dict.fromkeys(tables[0] ^ tables[1], "is in one of them")
    for table in sorted(tables[0] & tables[1]):
        wrong = _difference(connection, table)
        if wrong:
            found[table] = wrong
    connection.close()
    return found


def _tables(connection, name: str) -> set[str]:
    return {
        f'{database.removeprefix(name + "_")}.{schema}."{table}"'
        for database, schema, table in connection.execute(
            "select database_name, schema_name, table_name from duckdb_tables()"
            " where starts_with(database_name, ?) and schema_name in ('marts', 'intermediate')",
            [f"{name}_"],
        ).fetchall()
    }


def _difference(connection, table: str) -> str | None:
    values = TEXTS_OF_VALUES.get(table.rsplit(".", maxsplit=1)[-1].strip('"'), ())
    one, other = (_with_doubles(f"{name}_{table}", values) for name in ("one", "other"))
    columns = {row[0]: row[1] for row in connection.execute(f"describe from {one}").fetchall()}
    others = {row[0]: row[1] for row in connection.execute(f"describe from {other}").fetchall()}
    if columns != others:
        return f"columns: {columns.items() ^ others.items()}"
    doubles = [name for name, kind in columns.items() if kind in ("DOUBLE", "FLOAT")]
    exact = ", ".join(f'"{name}"' for name in columns if name not in (*doubles, *OF_A_RUN))
    for left, right in ((one, other), (other, one)):
        rows = connection.execute(
            f"select count(*) from (select {exact} from {left} except all"
            f" select {exact} from {right})"
        ).fetchall()[0][0]
        if rows:
            return f"{rows} rows of {table}"
    if not doubles:
        return None
    # Rows with the same text, times and decimals in the order of their doubles' first digits.
    order = ", ".join([exact, *(f'round("{name}", 6)' for name in doubles)])
    is_far = " or ".join(
        f'(a."{name}" is distinct from b."{name}" and coalesce('
        f'abs(a."{name}" - b."{name}") > {MAX_RELATIVE_DIFFERENCE}'
        f' * greatest(abs(a."{name}"), abs(b."{name}")), true))'
        for name in doubles
    )
    far = connection.execute(
        f"with a as (select *, row_number() over (order by {order}) as place from {one}),"
        f" b as (select *, row_number() over (order by {order}) as place from {other})"
        f" select count(*) from a inner join b on a.place = b.place where {is_far}"
    ).fetchall()[0][0]
    return f"{far} rows with other doubles" if far else None


def _with_doubles(table: str, values: tuple[str, ...]) -> str:
    """A table whose columns of values are doubles, where they are numbers, and texts elsewhere."""
    if not values:
        return table
    apart = "".join(f", {NUMBER.format(name)}, {TEXT.format(name)}" for name in values)
    return f"(select * exclude ({', '.join(values)}){apart} from {table})"
