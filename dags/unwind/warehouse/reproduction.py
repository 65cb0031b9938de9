"""Verifies a release by rebuilding it elsewhere from the raw zone of its time, table by table.

A release names its inputs: the instant up to which batches and withdrawals counted, and for each
batch the revision and the checksum of its entry in the ledger, which in turn has the checksum of
every raw object.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import duckdb

from unwind.clock import parse_instant
from unwind.errors import UnwindError
from unwind.progress import Progress, no_progress
from unwind.scratch import process_folder
from unwind.settings import KEEP_RELEASE_DAYS, KEEP_RELEASES, Home
from unwind.warehouse import contents, continuity, releases, stands_on
from unwind.warehouse.contents import Difference
from unwind.warehouse.refresh import refresh
from unwind.warehouse.releases import NoReleaseError

# Tables about the run that published a release, and about earlier runs.
OF_THE_RUN = continuity.WRITTEN_AT_PUBLISHING


@dataclass(frozen=True)
class Verification:
    """The comparison of a release with its rebuild from raw data.

    `damaged`: marts in its file that differ from what was published. `changed`: batches whose entry
    in the ledger is not the release's. `differing`: marts and days that the rebuild does not match.
    `code_version` is the release's, if this code has another one.
    """

    release_id: str
    tables: int
    rows: int
    batches: int
    damaged: tuple[Difference, ...]
    changed: tuple[str, ...]
    differing: tuple[Difference, ...]
    code_version: str | None

    @property
    def is_verified(self) -> bool:
        """Whether the rebuild matches the release."""
        return not (self.damaged or self.changed or self.differing)


class UnverifiableError(UnwindError, RuntimeError):
    """A release cannot be built again; the text says why and what to do."""


def verify(
    home: Home,
    release_id: str | None = None,
    keep_in: Path | None = None,
    report: Progress = no_progress,
) -> Verification:
    """Builds a release (the current one) again from the raw zone as it was, and compares all marts.

    It is built in the home's temporary folder, or in `keep_in`, which stays. Raises NoReleaseError,
    UnverifiableError, and what a refresh raises.
    """
    if keep_in and keep_in.exists() and any(keep_in.iterdir()):
        raise UnverifiableError(f"{keep_in} is not empty; name a new folder to build it in")
    folder = _folder(home, release_id)
    # All of it is read first: refreshes go on meanwhile, and prune old releases.
    try:
        described = json.loads((folder / "release.json").read_text())
        whole = contents.contents_of(folder)
        recorded = contents.read(folder) or whole
        batches = len(stands_on.read(folder))
        changed = tuple(stands_on.changed(home, folder))
    except (OSError, duckdb.Error):
        if (folder / "warehouse.duckdb").is_file():
            raise
        raise NoReleaseError(
            f"release {folder.name} was pruned while it was read: newer ones have taken its place; "
            "`unwind releases` lists what is kept, and "
            f"{KEEP_RELEASES} and {KEEP_RELEASE_DAYS} say how much"
        ) from None
    known_to = described.get("known_to")
    if known_to is None:
        raise UnverifiableError(
            f"release {folder.name} does not say up to when it knew the raw zone: an older version "
            "published it. `unwind refresh --as-of TIME --into FOLDER` builds the past of a time"
        )
    beside = Home(keep_in.resolve()) if keep_in else Home(process_folder(home) / "verified")
    try:
        refresh(
            home,
            full=True,
            as_of=parse_instant(known_to),
            into=beside.root,
            report=report,
            clock=lambda: parse_instant(str(described["built_at"])),
        )
        found = contents.contents_of(releases.current_db(beside).parent)
    finally:
        if keep_in is None:
            shutil.rmtree(beside.root, ignore_errors=True)
    published = _but_of_the_run(whole)
    code_version = described["code_version"]
    return Verification(
        release_id=folder.name,
        tables=len({mart for mart, _ in published}),
        rows=sum(rows.count for rows in published.values()),
        batches=batches,
        damaged=tuple(contents.differences(recorded, whole)),
        changed=changed,
        differing=tuple(contents.differences(published, _but_of_the_run(found))),
        code_version=None if code_version == releases.code_version() else code_version,
    )


def _folder(home: Home, release_id: str | None) -> Path:
    if release_id is None:
        return releases.current_db(home).resolve().parent
    return releases.folder_of(home, release_id)


def _but_of_the_run(found: contents.Contents) -> contents.Contents:
    return {key: rows for key, rows in found.items() if key[0] not in OF_THE_RUN}
