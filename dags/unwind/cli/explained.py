"""How `unwind explain` prints an explanation."""

from __future__ import annotations

from dataclasses import asdict

from unwind.printing import json_text, print_rows, shown
from unwind.warehouse.explain import Explanation, Fact, Step

# What identifies a fact to a reader, in this order.
SHOWN = (
    *("venue", "source", "instrument", "base_asset", "liquidated_side", "price_kind"),
    *("event_at", "observed_at", "funding_at", "liquidation_id"),
)


def print_text(found: Explanation, whole: bool, sql: bool) -> None:
    """Prints the row, its formula, what it is made of, and facts with their raw bytes."""
    print(f"{found.mart.name}: {found.mart.description}\n")
    print_rows(found.columns, found.rows)
    if found.figure:
        column = found.mart.column(found.figure)
        print(f"\n{found.figure} = {shown(found.value)}: {column.description}")
    if found.sum_of:
        print(f"It is {found.sum_of}.")
    if sql:
        print(f"\n{found.code.strip()}")
    print("\nMade of:")
    print_rows(("relation", "rows", "from", "to", "run again"), map(_of_step, found.steps))
    _print_facts(found, whole)


def as_json(found: Explanation) -> str:
    """All of it as one JSON object."""
    return json_text(
        {
            "mart": found.mart.name,
            "description": found.mart.description,
            "rows": [dict(zip(found.columns, row, strict=True)) for row in found.rows],
            "figure": found.figure,
            "value": found.value,
            "sum_of": found.sum_of,
            "sql": found.code,
            "steps": [asdict(step) for step in found.steps],
            "facts": [asdict(fact) for fact in found.facts],
            "fact_count": found.fact_count,
        }
    )


def _of_step(step: Step) -> tuple[object, ...]:
    return step.relation, f"{step.rows:,}", step.first_at, step.last_at, _proof(step)


def _proof(step: Step) -> str:
    if step.differing:
        return f"differs: {', '.join(step.differing)}"
    if step.differing is not None:
        return "the same"
    if step.is_read_from_raw:
        return "read from raw lines"
    return "no rows" if step.reads else "stated by the project, or recorded"


def _print_facts(found: Explanation, whole: bool) -> None:
    print(
        f"\n{len(found.facts):,} of {found.fact_count:,} facts, with their raw bytes (verified); "
        "--facts 0 shows all:"
    )
    for fact in found.facts:
        print(f"\n{_name(fact)}")
        print(
            f"  {shown(fact.raw_name)} line {fact.row['raw_line']},"
            f" row {fact.row.get('row_in_line', 1)} of it; batch {fact.row['batch_id']},"
            f" raw object {fact.row['raw_object']}"
        )
        alone = fact.raw_line if whole or fact.raw_row is None else fact.raw_row
        print(f"  {shown(alone)}")


def _name(fact: Fact) -> str:
    parts = [str(fact.row[name]) for name in SHOWN if fact.row.get(name) is not None]
    added = "" if fact.contribution is None else f": adds {fact.contribution}"
    return f"{fact.relation} {' '.join(parts)}{added}"
