"""The simulator and the connectors implement the venues' semantics independently."""

from __future__ import annotations

import ast
from pathlib import Path

import unwind.simulator

ROOT = Path(unwind.simulator.__file__).parent
# Formats of instants, and the base of the project's errors.
SHARED = {"unwind.clock", "unwind.errors"}


def imported(path: Path) -> set[str]:
    """Modules of the project that a file imports, at any level."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return {name for name in found if name.split(".")[0] == "unwind"}


def test_the_simulator_imports_neither_connectors_nor_landing_nor_staging() -> None:
    files = sorted(ROOT.rglob("*.py"))
    assert len(files) > 30
    for path in files:
        outside = {
            name for name in imported(path) if not name.startswith("unwind.simulator")
        } - SHARED
        assert not outside, f"{path.name} imports {outside}"


def test_no_file_is_longer_than_500_lines() -> None:
    for path in ROOT.rglob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 500, path.name
