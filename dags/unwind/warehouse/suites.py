"""The gates' suites, generated from the marts' yml and from `expectations/sql`.

Each check is written once: not null, keys, vocabularies, ranges and relations in a mart's yml, and
what needs SQL in its own file. Great Expectations' files (suites, validation definitions,
checkpoints, the list of relations) and the table in docs/gates.md are generated from these. After
changing a yml or a `.sql`, run `make suites`, which runs this module.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Formatter, Template
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from unwind.settings import PROJECT_ROOT
from unwind.warehouse.column_checks import TOGETHER, Broken, Together
from unwind.warehouse.promises import (
    HOURS,
    MODELS,
    Mart,
    Test,
    arguments_of,
    identifying,
    marts,
    name_of,
    settings_of,
)

CONTEXT_ROOT = PROJECT_ROOT / "expectations"
SQL = CONTEXT_ROOT / "sql"
DOCS = PROJECT_ROOT / "docs" / "gates.md"
LANDED, MARTS = "landed", "marts"
LANDED_SUITES = ("landed_schema", "landed_parts", "landed_coverage", "landed_observations")
DATASOURCE = "gate"
BATCH_DEFINITION = "being_built"
CRITICAL, WARNING = "critical", "warning"
# The fields that a verdict can fill into the sentences of a mart's check.
FIELDS_OF_MARTS = {"unexpected_count", "example"}
STOPS = "nothing is published; correct the model and refresh again"

# Great Expectations' name for ExpectNoRows.
NO_ROWS = "expect_no_rows"


@dataclass(frozen=True)
class Expectation:
    """One check of a relation, as Great Expectations judges it.

    `sql` gives the rows that break it, `{batch}` standing for the relation. `failure` and `action`
    have `{fields}` that a verdict fills.
    """

    suite: str
    name: str
    severity: str
    description: str
    why: str
    failure: str
    action: str
    sql: str

    @property
    def key(self) -> str:
        """Its name among those of all suites; also of the parameter that holds its SQL."""
        return f"{self.suite}__{self.name}"


@cache
def expectations_of(gate: str, models: Path = MODELS) -> tuple[Expectation, ...]:
    """All checks of a gate, by suite; a mart's checks in yml precede those in SQL files."""
    if gate == LANDED:
        return tuple(one for suite in LANDED_SUITES for one in _in_files(LANDED, suite))
    return tuple(
        one
        for mart in marts(models).values()
        for one in [*_promised(mart), *_in_files(MARTS, mart.name)]
    )


def queries(gate: str) -> dict[str, str]:
    """The SQL of a gate's checks by the name of the parameter that suites know it by."""
    return {one.key: one.sql for one in expectations_of(gate)}


def generated() -> dict[Path, str]:
    """Every file that is made from yml and SQL, by its path, with the text that it should have."""
    gates = {gate: expectations_of(gate) for gate in (LANDED, MARTS)}
    found = {DOCS: _documented(DOCS.read_text(), gates)}
    for gate, listed in gates.items():
        suites = list(dict.fromkeys(one.suite for one in listed))
        for suite in suites:
            own = [one for one in listed if one.suite == suite]
            found[CONTEXT_ROOT / "expectations" / f"{suite}.json"] = _json(_suite(suite, own))
            found[CONTEXT_ROOT / "validation_definitions" / f"{suite}.json"] = _json(
                _validation(suite)
            )
        found[CONTEXT_ROOT / "checkpoints" / f"{gate}.json"] = _json(_checkpoint(gate, suites))
    context = CONTEXT_ROOT / "great_expectations.yml"
    found[context] = _with_assets(
        context.read_text(), [one.suite for listed in gates.values() for one in listed]
    )
    return found


def write() -> list[Path]:
    """Writes what differs and removes suites of marts that are gone; returns what it touched."""
    wanted = generated()
    touched = write_differing(wanted)
    for path in left_over(wanted):
        path.unlink()
        touched.append(path)
    return touched


def write_differing(wanted: Mapping[Path, str]) -> list[Path]:
    """Writes the texts that differ from their files; returns the files' paths."""
    differing = [
        path for path, text in wanted.items() if not path.exists() or path.read_text() != text
    ]
    for path in differing:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path])
    return differing


def left_over(wanted: Iterable[Path]) -> list[Path]:
    """Files of suites that no mart has any longer."""
    folders = ("expectations", "validation_definitions", "checkpoints")
    there = {path for folder in folders for path in (CONTEXT_ROOT / folder).glob("*.json")}
    return sorted(there - set(wanted))


def _promised(mart: Mart) -> Iterator[Expectation]:
    """The checks that a mart's yml states."""
    for test in mart.tests:
        yield _of_model(mart, test)
    together: dict[tuple[str, str], list[Broken]] = {}
    for column in mart.columns:
        for test in column.tests:
            kind = name_of(test)
            if kind in TOGETHER:
                broken = TOGETHER[kind].broken(column, arguments_of(test))
                together.setdefault((kind, _severity(test)), []).append(broken)
            else:
                yield _of_column(mart, column.name, test)
    for (kind, severity), columns in together.items():
        yield _of_columns(mart, TOGETHER[kind], severity, columns)


def _of_model(mart: Mart, test: Test) -> Expectation:
    kind, arguments = name_of(test), arguments_of(test)
    if kind == "unique_grain":
        return _unique(mart, test, "key_unique", arguments["columns"])
    if kind in GENERIC:
        return _generic(mart, test, kind, arguments)
    raise ValueError(f"{mart.name}: no gate knows how to judge a test {kind!r} of a model")


def _of_column(mart: Mart, column: str, test: Test) -> Expectation:
    kind = name_of(test)
    if kind == "unique":
        return _unique(mart, test, f"{column}_unique", [column])
    if kind in GENERIC:
        return _generic(mart, test, kind, {**arguments_of(test), "column": column})
    raise ValueError(f"{mart.name}.{column}: no gate knows how to judge a test {kind!r}")


def _of_columns(
    mart: Mart, kind: Together, severity: str, columns: Sequence[Broken]
) -> Expectation:
    return Expectation(
        suite=mart.name,
        name=kind.name if severity == CRITICAL else f"{kind.name}_{severity}",
        severity=severity,
        description=kind.described(columns),
        why=kind.why,
        failure=f"{{unexpected_count}} rows of {mart.name} {kind.failure}, the first {{example}}",
        action=_action(severity),
        sql=kind.query(identifying(mart), columns),
    )


def _unique(mart: Mart, test: Test, name: str, columns: Sequence[str]) -> Expectation:
    listed = ", ".join(columns)
    beside = [one for one in identifying(mart) if one not in columns]
    return Expectation(
        suite=mart.name,
        name=name,
        severity=_severity(test),
        description=f"One row per {listed}.",
        why="A doubled key doubles every sum made over it.",
        failure=f"{{unexpected_count}} keys ({listed}) of {mart.name} have several rows, the first"
        " {example}",
        action=_action(_severity(test)),
        sql="\n".join(
            [
                f"select {', '.join([listed, *(f'min({one}) as {one}' for one in beside)])}",
                "from {batch}",
                f"group by {listed}",
                "having count(*) > 1",
            ]
        ),
    )


def _action(severity: str) -> str:
    return STOPS if severity == CRITICAL else "look at these rows and at their source"


def _severity(test: Test) -> str:
    word = settings_of(test).get("config", {}).get("severity", "error")
    return WARNING if word == "warn" else CRITICAL


def _generic(mart: Mart, test: Test, kind: str, arguments: Mapping[str, Any]) -> Expectation:
    """A check of a yml that takes SQL: a file in `sql/generic` with the test's arguments in it."""
    of = arguments.get("of") or arguments.get("to") or ""
    columns = arguments.get("columns", [])
    hourly = mart.partition == HOURS and "hour_at" in columns
    conditions = [
        *([arguments["rows_where"]] if "rows_where" in arguments else []),
        *([f"hour_at in (select hour_at from gate.hours_of_{mart.name})"] if hourly else []),
        *(
            ["batch_id in (select batch_id from staging.ops.build_batches)"]
            if mart.partition == "batch_id"
            else []
        ),
    ]
    values = {
        "mart": mart.name,
        "of": _relation_name(of),
        "of_name": _relation_name(of).replace(".", "_"),
        "relation": _relation(of),
        "columns": ",\n    ".join(columns) if kind == "has_row_for_each" else ", ".join(columns),
        "keys": ", ".join(columns),
        "column": arguments.get("column", ""),
        "field": arguments.get("field", ""),
        "expected_rows": " and ".join(f"({one})" for one in conditions) or "true",
    }
    text = Template((SQL / "generic" / f"{kind}.sql").read_text()).substitute(values)
    return _read(mart.name, "", text, _severity(test))


GENERIC = ("has_row_for_each", "counts_match", "relationships", "accounts_for_all")


def _relation_name(reference: str) -> str:
    """`ref('dim_hours')` is dim_hours, `source('ops', 'hours')` is ops.hours."""
    return ".".join(re.findall(r"'([^']+)'", reference))


def _relation(reference: str) -> str:
    name = _relation_name(reference)
    if reference.startswith("source("):
        return f"staging.{name}"
    if name in marts():
        return f"warehouse.marts.{name}"
    is_seed = (MODELS.parent / "seeds" / f"{name}.csv").exists()
    return f"staging.{'seeds' if is_seed else 'intermediate'}.{name}"


def _in_files(gate: str, suite: str) -> Iterator[Expectation]:
    for path in sorted((SQL / gate / suite).glob("*.sql")):
        one = _read(suite, path.stem, path.read_text(), CRITICAL)
        if one.severity not in (CRITICAL, WARNING):
            raise ValueError(
                f"{one.key}: its severity is {one.severity!r}; write critical or warning"
            )
        unknown = _fields(one.failure + one.action) - FIELDS_OF_MARTS if gate == MARTS else set()
        if unknown:
            raise ValueError(
                f"{one.key}: its sentence asks for {', '.join(sorted(unknown))}, and a check of a "
                f"mart can give {' and '.join(sorted(FIELDS_OF_MARTS))}"
            )
        yield one


def _fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def _read(suite: str, name: str, text: str, severity: str) -> Expectation:
    """A check in SQL: its leading comments describe it, and the query returns the failing rows.

    The head is a sentence, then `why`, `failure` and, where they are not the usual, `severity`,
    `action` and `name`; longer ones go on in lines indented by two more.
    """
    fields = {"description": "", "name": name, "severity": severity, "action": STOPS}
    current = "description"
    lines = text.splitlines()
    head = 0
    while head < len(lines) and lines[head].startswith("--"):
        line = lines[head].removeprefix("--").removeprefix(" ")
        stated = re.match(r"(why|failure|severity|action|name): (.*)", line)
        if stated:
            current = stated[1]
            fields[current] = stated[2]
        else:
            fields[current] = f"{fields[current]} {line.strip()}".strip()
        head += 1
    missing = [field for field in ("description", "why", "failure") if not fields.get(field)]
    if missing:
        raise ValueError(f"{suite}.{name}: its head does not state {', '.join(missing)}")
    return Expectation(
        suite=suite,
        name=fields["name"],
        severity=fields["severity"],
        description=fields["description"],
        why=fields["why"],
        failure=fields["failure"],
        action=fields["action"],
        sql="\n".join(lines[head:]).strip(),
    )


def _id(*names: str) -> str:
    """The id of what these names name: the same in every checkout."""
    return str(uuid5(NAMESPACE_URL, "/".join(["unwind", "expectations", *names])))


def _suite(suite: str, listed: Sequence[Expectation]) -> dict[str, Any]:
    doubled = {one.name for one in listed if [other.name for other in listed].count(one.name) > 1}
    if doubled:
        raise ValueError(f"{suite} has several expectations named {', '.join(sorted(doubled))}")
    return {
        "name": suite,
        "id": _id("suite", suite),
        "expectations": [_expectation(one) for one in listed],
        "meta": {},
        "notes": None,
    }


def _expectation(one: Expectation) -> dict[str, Any]:
    return {
        "type": NO_ROWS,
        "id": _id("expectation", one.suite, one.name),
        "severity": one.severity,
        "description": one.description,
        "notes": one.why,
        "kwargs": {"unexpected_rows_query": {"$PARAMETER": one.key}},
        "meta": {"name": one.name, "failure": one.failure, "action": one.action},
    }


def _validation(suite: str) -> dict[str, Any]:
    return {
        "name": suite,
        "id": _id("validation", suite),
        "data": {
            "datasource": {"name": DATASOURCE, "id": _id("datasource", DATASOURCE)},
            "asset": {"name": suite, "id": _id("asset", suite)},
            "batch_definition": {
                "name": BATCH_DEFINITION,
                "id": _id("batch", suite),
            },
        },
        "suite": {"name": suite, "id": _id("suite", suite)},
    }


def _checkpoint(gate: str, suites: Sequence[str]) -> dict[str, Any]:
    return {
        "name": gate,
        "id": _id("checkpoint", gate),
        "actions": [],
        # Failures are examined afterwards; most checks never fail.
        "result_format": "BOOLEAN_ONLY",
        "validation_definitions": [
            {"name": suite, "id": _id("validation", suite)} for suite in suites
        ],
    }


ASSETS = "    assets:\n"


def _with_assets(context: str, suites: Sequence[str]) -> str:
    """The context's file with one relation of schema `gate` for each suite."""
    head = context.partition(ASSETS)[0]
    assets = "".join(
        f"      {suite}:\n"
        "        type: table\n"
        f"        id: {_id('asset', suite)}\n"
        "        schema_name: gate\n"
        f"        table_name: {suite}\n"
        "        batch_definitions:\n"
        f"          {BATCH_DEFINITION}:\n"
        f"            id: {_id('batch', suite)}\n"
        for suite in dict.fromkeys(suites)
    )
    return re.sub(
        r"(    type: sql\n    id: ).*", rf"\g<1>{_id('datasource', DATASOURCE)}", head
    ) + (ASSETS + assets)


BEGIN, END = "<!-- made by `make suites`: begin -->\n", "<!-- made by `make suites`: end -->\n"


def _documented(page: str, gates: Mapping[str, Sequence[Expectation]]) -> str:
    """The page with its tables of expectations made again."""
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    tables = "\n".join(
        f"### {title}\n\n| suite | expectation | severity | what it says | why |\n"
        "|---|---|---|---|---|\n"
        + "".join(
            f"| `{one.suite}` | `{one.name}` | {one.severity} | {one.description} | {one.why} |\n"
            for one in gates[gate]
        )
        for gate, title in ((LANDED, "The landed gate"), (MARTS, "The marts gate"))
    )
    return f"{before}{BEGIN}\n{tables}\n{END}{after}"


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for changed in write():
        print(changed.relative_to(PROJECT_ROOT))
