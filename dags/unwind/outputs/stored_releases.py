"""Releases in object storage: `releases/<id>/`, and `current.json`, which names one of them.

A release's files are written once, its manifest (each file's bytes and checksum) after them, and
the pointer last, in one request. A reader resolves the pointer and has one whole release.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

from unwind.durable import sync
from unwind.outputs.object_store import ObjectStore, StoreError, sha256_of
from unwind.progress import Progress
from unwind.scratch import working_folder
from unwind.settings import Home, settings
from unwind.warehouse import releases
from unwind.warehouse.order import is_release_id, order_of, published_at

POINTER = "current.json"
MANIFEST = "manifest.json"


def push_release(home: Home, store: ObjectStore, now: datetime, report: Progress) -> str:
    """Uploads the current release where it is not there yet, and points at it. Returns its id.

    Then deletes old ones, by the rule of the home's own. Raises StoreError, NoReleaseError;
    SettingError before anything is uploaded.
    """
    kept, kept_for = settings().keep_releases, timedelta(days=settings().keep_release_days)
    folder = releases.current_db(home).resolve().parent
    release_id, under = folder.name, f"releases/{folder.name}"
    files = {f"{under}/{path.relative_to(folder).as_posix()}": path for path in _files(folder)}
    report(f"uploading release {release_id}", 0, 2)
    manifest = store.read_json(f"{under}/{MANIFEST}")
    if manifest is None:
        listed = {name: _described(path) for name, path in files.items()}
        store.put(files)
        manifest = {"release_id": release_id, "files": listed}
        store.write_json(f"{under}/{MANIFEST}", manifest)
    elif manifest["files"][f"{under}/release.json"] != _described(folder / "release.json"):
        raise StoreError(
            f"{store.shown} has another release {release_id}, of another home: give each home a "
            "prefix of its own"
        )
    database = f"{under}/warehouse.duckdb"
    report(f"pointing at {release_id}", 1, 2)
    store.write_json(
        POINTER,
        {
            "release_id": release_id,
            "manifest": f"{under}/{MANIFEST}",
            "database": {"name": database, **manifest["files"][database]},
        },
    )
    _prune(store, release_id, now, kept, kept_for)
    return release_id


def pull_release(home: Home, store: ObjectStore, now: datetime, report: Progress) -> str:
    """Makes the release that the pointer names the home's current one. Returns its id.

    Every byte is verified before readers see it. Raises StoreError.
    """
    pointer = store.read_json(POINTER)
    if pointer is None:
        raise StoreError(f"{store.shown} has no release yet; `unwind push` uploads the current one")
    release_id = str(pointer["release_id"])
    manifest = store.read_json(f"releases/{release_id}/{MANIFEST}")
    # It becomes the name of a folder.
    if manifest is None or not is_release_id(release_id):
        raise StoreError(
            f"{store.shown}/{POINTER} names {release_id!r}, which is no release there; push again"
        )
    target = home.releases / release_id
    report(f"downloading release {release_id}", 0, 1)
    if not (target / "release.json").is_file():
        with working_folder(home, "pull") as text:
            beside = Path(text) / release_id
            _download(store, manifest["files"], beside, f"releases/{release_id}")
            home.releases.mkdir(parents=True, exist_ok=True)
            beside.replace(target)
            sync(home.releases)
    releases.roll_back(home, release_id)
    releases.prune(home, now)
    report(f"downloading release {release_id}", 1, 1)
    return release_id


def _download(store: ObjectStore, files: dict[str, Any], folder: Path, under: str) -> None:
    paths = {}
    for name in files:
        inner = PurePosixPath(name).relative_to(under)
        if ".." in inner.parts:
            raise StoreError(f"{store.shown} has a manifest with the path {name!r}: push again")
        paths[name] = folder / inner
        paths[name].parent.mkdir(parents=True, exist_ok=True)
    store.get(paths)
    for name, path in paths.items():
        if not path.is_file() or _described(path) != files[name]:
            raise StoreError(
                f"{store.shown}/{name} is not what its manifest states: it was damaged or changed; "
                "delete the release there and push it again"
            )
        path.chmod(0o444)
        sync(path)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _described(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "sha256": sha256_of(path)}


def _prune(store: ObjectStore, current: str, now: datetime, kept: int, kept_for: timedelta) -> None:
    """Deletes releases as the home does: by count and age, never the newest three."""
    names = store.listed("releases")
    ids = filter(is_release_id, {PurePosixPath(name).parts[1] for name in names})
    for place, release_id in enumerate(sorted(ids, key=order_of, reverse=True)):
        young = now - published_at(release_id) < kept_for
        if place < releases.ALWAYS_KEPT or release_id == current or (place < kept and young):
            continue
        # Its manifest first: without one it is no release, also where the rest is left behind.
        store.remove([name for name in names if name == f"releases/{release_id}/{MANIFEST}"])
        store.remove_below(f"releases/{release_id}")
