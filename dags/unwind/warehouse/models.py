"""Fingerprints of the dbt project's tables, which show whether a table's code has changed.

A fingerprint covers a model's SQL, the macros, seeds and models that it names, the project's
variables that these name, and its columns and configuration; for a Python model also the modules of
`unwind` that it imports, directly or not. Comments, descriptions and tests are excluded, as they
change no row. Names are found in the text, which takes milliseconds where dbt takes seconds to
parse; a test compares the result with dbt's own manifest.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from unwind.settings import PROJECT_ROOT
from unwind.warehouse.dbt import DBT_PROJECT
from unwind.warehouse.parsed_project import own_files

PACKAGES = PROJECT_ROOT / "dags"
# The same as yaml.SafeLoader, in C where libyaml is there.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_COMMENT = re.compile(r"{#.*?#}|^\s*--.*?$", re.DOTALL | re.MULTILINE)
_MACRO = re.compile(r"{%-?\s*macro\s+(\w+)\s*\(.*?endmacro\s*-?%}", re.DOTALL)
_CALLED = re.compile(r"\b(\w+)\s*\(")
_REF = re.compile(r"\bref\(\s*([^()]+?)\s*\)")
_QUOTED = re.compile(r"['\"](\w+)['\"]")
# How dbt itself writes a table: called by its name from dbt.
WRITING_MACROS = ("get_incremental_replace_partitions_sql", "generate_schema_name")


@cache
def fingerprints(project: Path = DBT_PROJECT) -> dict[str, str]:
    """The fingerprint of every model and seed of a project, by its name."""
    settings = _settings(project)
    parts = _parts(project)
    columns = _columns(project)
    values = {name: repr(value) for name, value in variables(project).items()}
    configured = {kind: settings.get(kind) for kind in ("models", "seeds")}
    found = {}
    for path in sorted([*model_files(project), *project.glob("seeds/*.csv")]):
        named = sorted(parts.named_by(path.stem))
        texts = {name: parts.texts[name] for name in (*named, *WRITING_MACROS)}
        stated = {name: columns[name] for name in named if name in columns}
        used = " ".join([*texts.values(), json.dumps(stated)])
        made_of = {
            "place": path.parent.relative_to(project).as_posix(),
            "texts": texts,
            "columns": stated,
            "variables": {name: text for name, text in values.items() if name in used},
            "configured": configured,
        }
        found[path.stem] = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()
    return found


def model_files(project: Path = DBT_PROJECT) -> list[Path]:
    """The files that define models, in SQL and in Python."""
    return [path for path in project.glob("models/**/*") if path.suffix in {".sql", ".py"}]


def named_by(name: str, project: Path = DBT_PROJECT) -> set[str]:
    """Every model, seed and macro that a model is made of, itself included."""
    return _parts(project).named_by(name)


@cache
def parents(name: str, project: Path = DBT_PROJECT) -> frozenset[str]:
    """The models and seeds that a model reads, itself or by its macros."""
    return frozenset(_parts(project).parents(name))


def variables(project: Path = DBT_PROJECT) -> dict[str, Any]:
    """The project's variables."""
    return dict(_settings(project).get("vars", {}))


def settings_of(project: Path = DBT_PROJECT) -> dict[str, dict[str, Any] | None]:
    """`config` in the yml of each model and seed; None where it is missing."""
    return {name: stated[1] for name, stated in _columns(project).items()}


@cache
def _settings(project: Path) -> dict[str, Any]:
    return dict(yaml.load((project / "dbt_project.yml").read_text(), _Loader))  # noqa: S506


@cache
def _parts(project: Path) -> _Parts:
    return _Parts(project)


class _Parts:
    """The models, seeds and macros of a project by name: their texts, and what each names."""

    def __init__(self, project: Path) -> None:
        macros: dict[str, str] = {}
        for path in project.glob("macros/**/*.sql"):
            text = _without_comments(path)
            macros |= {found.group(1): found.group(0) for found in _MACRO.finditer(text)}
        tables = {path.stem: path.read_text() for path in project.glob("seeds/*.csv")}
        tables |= {
            path.stem: _in_python(path) if path.suffix == ".py" else _without_comments(path)
            for path in model_files(project)
        }
        self.texts = {**macros, **tables}
        self._tables = tables.keys()
        self._named = {
            name: (set(_CALLED.findall(text)) & macros.keys())
            | (set(_QUOTED.findall(text)) & tables.keys())
            | _with_ending(set(_QUOTED.findall(text)), macros)
            for name, text in self.texts.items()
        }
        self._read = {name: self._read_in(name) for name in self.texts}

    def named_by(self, start: str) -> set[str]:
        reached: set[str] = set()
        waiting = {start}
        while waiting:
            reached |= waiting
            waiting = set().union(*(self._named[name] for name in waiting)) - reached
        return reached

    def parents(self, start: str) -> set[str]:
        read: set[str] = set()
        waiting, reached = {start}, {start}
        while waiting:
            read |= set().union(*(self._read[name] for name in waiting))
            waiting = set().union(*(self._named[name] for name in waiting)) - self._tables - reached
            reached |= waiting
        return read - {start}

    def _read_in(self, name: str) -> set[str]:
        """The tables of a text's `ref()`; of names put together there, all that they fit."""
        found: set[str] = set()
        for words in _REF.findall(self.texts[name]):
            parts = [part.strip() for part in words.split("~")]
            if len(parts) == 1 and not _QUOTED.fullmatch(parts[0]):
                # A loop variable: one of the names in the text.
                found |= self._named[name] & self._tables
                continue
            pattern = "".join(
                re.escape(part[1:-1]) if part[0] in "'\"" else r"\w+" for part in parts
            )
            found |= {table for table in self._tables if re.fullmatch(pattern, table)}
        return found


def _without_comments(path: Path) -> str:
    """The code of a file, with the space between words made one."""
    return " ".join(_COMMENT.sub("", path.read_text()).split())


def _in_python(path: Path) -> str:
    """The code of a model in Python and of all modules of ours that it imports."""
    texts: dict[Path, str] = {}
    waiting = [path]
    while waiting:
        module = waiting.pop()
        if module not in texts:
            texts[module], imported = _code_of(module.read_text())
            waiting += _files_of(imported)
    return "\n".join(sorted(texts.values()))


@cache
def _code_of(text: str) -> tuple[str, list[str]]:
    """A module's code without comments, and the names of all that it imports anywhere."""
    code = ast.parse(text)
    names = []
    for node in ast.walk(code):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return ast.unparse(code), names


def _files_of(names: list[str]) -> list[Path]:
    """The files of those that are modules of `unwind`."""
    paths = [PACKAGES.joinpath(*name.split(".")) for name in names if name.startswith("unwind.")]
    files = [path.with_suffix(".py") for path in paths] + [path / "__init__.py" for path in paths]
    return [path for path in files if path.is_file()]


def _with_ending(quoted: set[str], macros: dict[str, str]) -> set[str]:
    """`context[venue ~ '__symbol_parts']` calls any macro whose name ends so."""
    endings = tuple(name for name in quoted if name.startswith("__"))
    return {name for name in macros if endings and name.endswith(endings)}


@cache
def _columns(project: Path) -> dict[str, Any]:
    """The properties in yml on which a model's or seed's rows depend: columns, configuration."""
    found = {}
    for path in [*project.glob("models/**/*.yml"), *project.glob("seeds/*.yml")]:
        properties = yaml.load(path.read_text(), _Loader) or {}  # noqa: S506
        for kind in ("models", "seeds"):
            for one in properties.get(kind) or ():
                columns = [
                    (column["name"], column.get("data_type")) for column in one.get("columns") or ()
                ]
                found[one["name"]] = [columns, one.get("config")]
    return found


def project_fingerprint() -> str:
    """sha256 over the dbt project's models, macros and seeds."""
    hasher = hashlib.sha256()
    for path in own_files(DBT_PROJECT):
        if path.suffix in {".sql", ".py", ".yml", ".csv"}:
            hasher.update(path.relative_to(DBT_PROJECT).as_posix().encode())
            hasher.update(path.read_bytes())
    # Modules that Python models import are outside the project folder.
    for path in model_files():
        if path.suffix == ".py":
            hasher.update(_in_python(path).encode())
    return hasher.hexdigest()
