"""The compiled Jinja templates of the dbt project, kept beside its parse for the next process.

dbt compiles the template of each model and macro again in each process: a second of a small hour.
"""

from __future__ import annotations

import marshal
import pickle
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any

from unwind.warehouse import parsed_project

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest


def keep(parsed: Path, manifest: Manifest) -> None:
    """Compiles and keeps what models of a parsed project run, beside `parsed`.

    Where the project cannot be written to, nothing is kept.
    """
    from dbt_common.clients.jinja import get_environment

    environment = get_environment()
    compiled = {
        source: marshal.dumps(environment.compile(source)) for source in set(_sources(manifest))
    }
    parsed_project.keep(_file_of(parsed), compiled)


def use(parsed: Path) -> None:
    """Has dbt take templates from those that are kept beside `parsed`; without any, it compiles.

    For a process that runs this version of the project alone.
    """
    from dbt_common.clients.jinja import MacroFuzzEnvironment

    try:
        # It stands with the project's code, which whoever can write this file could write as well.
        compiled = pickle.loads(_file_of(parsed).read_bytes())  # noqa: S301
    except Exception:  # noqa: BLE001
        return
    compiling = MacroFuzzEnvironment.compile

    def compile_or_take(
        self: MacroFuzzEnvironment, source: Any, *arguments: Any, **named: Any
    ) -> CodeType:
        # Environments of other classes make other code of the same text.
        if type(self) is MacroFuzzEnvironment and not arguments and not named:
            kept = compiled.get(source)
            if kept:
                return marshal.loads(kept)  # type: ignore[no-any-return]  # noqa: S302
        return compiling(self, source, *arguments, **named)  # type: ignore[no-any-return]

    MacroFuzzEnvironment.compile = compile_or_take  # type: ignore[method-assign, assignment]


def _file_of(parsed: Path) -> Path:
    return parsed.with_name(parsed.name.replace("parsed-", "templates-"))


def _sources(manifest: Manifest) -> Iterator[str]:
    """The texts of the models in SQL, and of all macros: the adapter picks some by their names."""
    from dbt.artifacts.resources.types import NodeType

    for node in manifest.nodes.values():
        if node.resource_type == NodeType.Model and node.language == "sql":
            yield node.raw_code
    for macro in manifest.macros.values():
        yield macro.macro_sql
