"""The parsed dbt project, kept for the next process: parsing takes seconds, reading it 0.05 s."""

from __future__ import annotations

import hashlib
import os
import pickle
import stat
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unwind.durable import atomic_write

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

# What dbt itself writes into the project.
WRITTEN = {"target", "logs", "dbt_packages"}

# Commands, and options with which the project is another one, that need a parse of their own.
OWN_PARSE = ("parse", "retry", "--vars", "--profile", "--target", "-t", "--no-partial-parse")

# What this process, or the one that it was forked from, has read before: by file, at most one.
_preloaded: dict[Path, Manifest] = {}


def preload(project: Path) -> bool:
    """Reads the parsed project for all later forks of this process; False where none is kept.

    For processes that only hand it on: dbt changes a manifest that it runs with.
    """
    _preloaded.clear()
    manifest = read(project)
    if manifest is None:
        return False
    _preloaded[file_of(project)] = manifest
    return True


def serves(arguments: Sequence[str]) -> bool:
    """Whether the kept parse of the default target is what these arguments of dbt need."""
    return not any(one.partition("=")[0] in OWN_PARSE for one in arguments)


def read(project: Path, target: str = "") -> Manifest | None:
    """The kept parse of the project in its current state; None where there is none.

    It is of a target of the profile, the default one where none is named.
    """
    kept = file_of(project, target)
    if kept in _preloaded:
        return _preloaded[kept]
    try:
        # It stands with the project's code, which whoever can write this file could write as well.
        return pickle.loads(kept.read_bytes())  # type: ignore[no-any-return]  # noqa: S301
    except FileNotFoundError:
        return None
    except Exception:  # noqa: BLE001
        # If the copy is unusable, the project itself can be parsed.
        return None


def keep(target: Path, made: Any) -> None:
    """Keeps what was made of a project, named by `file_of` before it was parsed, as `target`.

    It takes the place of others of its kind; where nothing can be written, none is kept.
    """
    kind = target.name.partition("-")[0]
    try:
        others = [path for path in target.parent.glob(f"{kind}-*") if path != target]
        with atomic_write(target) as beside:
            beside.write_bytes(pickle.dumps(made, protocol=5))
        for path in others:
            path.unlink(missing_ok=True)
    except OSError:
        # Each process makes it for itself.
        return


def file_of(project: Path, target: str = "") -> Path:
    """Where a project is kept, parsed as it is now for a target of the profile."""
    hasher = hashlib.sha256(f"{sys.version} {version('dbt-core')} {version('dbt-duckdb')}".encode())
    for path in own_files(project):
        hasher.update(f"\n{path.relative_to(project)}\n".encode())
        hasher.update(path.read_bytes())
    kind = f"{target}-" if target else ""
    return _folder(project) / f"{kind}parsed-{hasher.hexdigest()[:32]}.pickle"


def _folder(project: Path) -> Path:
    """With the project; for one that can only be read, as in a container, a folder of this user's.

    Only a folder that nobody else can write to is taken: what is kept there is run.
    """
    beside = project / "target"
    if os.access(beside if beside.exists() else project, os.W_OK):
        return beside
    own = Path(tempfile.gettempdir()) / f"unwind-{os.getuid()}"
    try:
        own.mkdir(mode=0o700, exist_ok=True)
        found = own.lstat()
    except OSError:
        return beside
    is_mine = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    return own if is_mine and not found.st_mode & 0o077 else beside


def own_files(project: Path) -> list[Path]:
    """The files of a project in order, without what dbt itself writes into it."""
    return [
        path
        for path in sorted(project.rglob("*"))
        if path.is_file() and path.relative_to(project).parts[0] not in WRITTEN
    ]
