"""The packages of `unwind` stand on floors: none imports from above, and there is no circle."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import unwind
from unwind.settings import PROJECT_ROOT

PACKAGE = PROJECT_ROOT / "dags" / "unwind"
LINES = 500


def modules(package: Path = PACKAGE) -> dict[str, Path]:
    """Every module by its full name."""
    found = {}
    for path in package.rglob("*.py"):
        parts = path.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(source: str, known: dict[str, Path]) -> Iterator[str]:
    """The modules of ours that a module imports, wherever in it; those for types included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in known else node.module


def unit(module: str) -> str:
    """The package or module directly in `unwind` that a module is part of."""
    return module.split(".")[1]


def arrows() -> set[tuple[str, str]]:
    """Who imports from whom, of the packages and modules directly in `unwind`."""
    known = modules()
    return {
        (unit(module), unit(other))
        for module, path in known.items()
        if module != "unwind"
        for other in imported(path.read_text(), known)
        if other != "unwind" and unit(other) != unit(module)
    }


def floors(docstring: str) -> list[str]:
    """The names in the order of the package's docstring, lowest first."""
    items = re.findall(r"^- ([\w,\s]+):", docstring, re.MULTILINE)
    return [name.strip() for item in items for name in item.split(",")]


def upwards(found: set[tuple[str, str]], order: list[str]) -> list[str]:
    """The arrows that lead to a higher floor."""
    place = {name: number for number, name in enumerate(order)}
    return sorted(f"{one} -> {other}" for one, other in found if place[other] > place[one])


def test_every_package_has_its_floor() -> None:
    there = {unit(module) for module in modules() if module != "unwind"}
    assert there <= set(floors(unwind.__doc__))


def test_no_package_imports_from_above() -> None:
    assert upwards(arrows(), floors(unwind.__doc__)) == []


def test_an_arrow_upwards_is_seen() -> None:
    known = modules()
    source = "def late():\n    from unwind.landing.land import land_venue\n"
    assert list(imported(source, known)) == ["unwind.landing.land"]
    assert upwards({("venues", "landing"), ("landing", "venues")}, floors(unwind.__doc__)) == [
        "venues -> landing"
    ]


def test_no_modules_import_each_other_in_a_circle() -> None:
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
    assert {name: count for name, count in lines.items() if count > LINES} == {}
