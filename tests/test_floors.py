"""The packages of `unwind` are layered: none imports from a higher layer, and none in a cycle."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import unwind
from unwind.settings import PROJECT_ROOT

PACKAGE = PROJECT_ROOT / "dags" / "unwind"
LINES = 500
# Simulated exchanges respond with their own errors.
OF_THE_SIMULATOR = ("unwind.simulator",)


def modules(package: Path = PACKAGE) -> dict[str, Path]:
    """Every module by its full name."""
    found = {}
    for path in package.rglob("*.py"):
        parts = path.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(source: str, known: dict[str, Path]) -> Iterator[str]:
    """The project's modules that a module imports at any level, imports for typing included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in known else node.module


def unit(module: str) -> str:
    """The package or module directly below `unwind` that a module belongs to."""
    return module.split(".")[1]


def arrows() -> set[tuple[str, str]]:
    """The imports between the packages and modules directly below `unwind`."""
    known = modules()
    return {
        (unit(module), unit(other))
        for module, path in known.items()
        if module != "unwind"
        for other in imported(path.read_text(), known)
        if other != "unwind" and unit(other) != unit(module)
    }


def floors(docstring: str) -> list[str]:
    """The names in the order of the package docstring, lowest first."""
    items = re.findall(r"^- ([\w,\s]+):", docstring, re.MULTILINE)
    return [name.strip() for item in items for name in item.split(",")]


def upwards(found: set[tuple[str, str]], order: list[str]) -> list[str]:
    """The imports from a higher floor."""
    place = {name: number for number, name in enumerate(order)}
    return sorted(f"{one} -> {other}" for one, other in found if place[other] > place[one])


def test_every_package_has_its_floor() -> None:
    there = {unit(module) for module in modules() if module != "unwind"}
    assert there <= set(floors(unwind.__doc__))


def test_no_package_imports_from_above() -> None:
    assert upwards(arrows(), floors(unwind.__doc__)) == []


def test_an_upward_import_is_detected() -> None:
    known = modules()
    source = "def late():\n    from unwind.landing.land import land_venue\n"
    assert list(imported(source, known)) == ["unwind.landing.land"]
    assert upwards({("venues", "landing"), ("landing", "venues")}, floors(unwind.__doc__)) == [
        "venues -> landing"
    ]


def test_no_modules_import_each_other_in_a_cycle() -> None:
    known = modules()
    graph = {
        module: set(imported(path.read_text(), known)) - {module, "unwind"}
        for module, path in known.items()
    }
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"these import each other: {' -> '.join(error.args[1])}")


def test_no_file_is_too_long_to_be_read_at_once() -> None:
    lines = {name: len(path.read_text().splitlines()) for name, path in modules().items()}
    too_long = {name: count for name, count in lines.items() if count > LINES}
    assert too_long == {}


# These are caught within the package and become an outcome or another error.
NEVER_SHOWN = {
    "DeliveryError",
    "DriftedError",
    "LockedError",
    "NotKnownError",
    "UnreadableObjectError",
    "UnrecognisedFileError",
    "UnusableResponseError",
    "VenueStoppedError",
}


def test_every_error_that_a_user_may_see_has_one_base() -> None:
    bases: dict[str, set[str]] = {}
    for module, path in modules().items():
        if module.startswith(OF_THE_SIMULATOR):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef) and node.name.endswith("Error"):
                bases[node.name] = {ast.unparse(base) for base in node.bases}
    shown = {"UnwindError"}
    while found := {name for name, over in bases.items() if over & shown} - shown:
        shown |= found
    assert {name for name in bases if name[0] != "_"} - shown == NEVER_SHOWN


def test_the_command_line_starts_without_what_only_some_commands_need() -> None:
    heavy = ("airflow", "dbt", "duckdb", "great_expectations", "pyarrow", "requests", "uvicorn")
    code = f"import sys, unwind.cli; print(sorted(set({heavy!r}) & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "[]\n"
