"""Writes the page of a release beside its file; a failure of that never is one of the release."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb

from unwind.durable import atomic_write
from unwind.errors import UnwindError, sentence_of
from unwind.page.reading import ASSETS, Snapshot, read
from unwind.page.render import render
from unwind.scratch import process_folder
from unwind.settings import Home, settings
from unwind.warehouse import releases

PAGE = "page.html"
# Of one page. What a page of all assets exceeds, one of fewer assets keeps.
MAX_BYTES = 2_000_000


class PageError(UnwindError, RuntimeError):
    """The page cannot be written; the text says why."""


def write_page(home: Home, release_id: str | None = None, output: Path | None = None) -> Path:
    """Writes the page of a release, the current one if none is named; returns its path.

    It goes to `output`, else beside the release's file, from where `current/page.html` leads to
    it. Raises NoReleaseError, PageError.
    """
    database = _database(home, release_id)
    target = (output or database.with_name(PAGE)).resolve()
    try:
        text = _fitting(read(home, database))
    except duckdb.Error as error:
        raise PageError(
            f"{database} cannot be read: {str(error).strip().splitlines()[0]}; "
            "`unwind doctor` says what is wrong with it"
        ) from error
    # A release that was pruned meanwhile is not made again, as an empty folder with a page.
    if output is None and not database.is_file():
        raise releases.NoReleaseError(f"release {database.parent.name} is gone; it has been pruned")
    with atomic_write(target, process_folder(home)) as beside:
        beside.write_text(text, encoding="utf-8")
    return target


def page_after_release(home: Home) -> str | None:
    """Writes the current release's page once readers have it; a sentence where that failed.

    Nothing is raised: the release is out, whatever becomes of its page. With `UNWIND_PAGE=off`, and
    before the first release, nothing is written.
    """
    try:
        if settings().has_page and releases.has_current(home):
            write_page(home)
    except Exception as error:  # noqa: BLE001 - of a page, no failure is one of the release.
        reason = str(error) if isinstance(error, UnwindError) else sentence_of(error, home.root)
        return f"the page of the release was not written: {reason or repr(error)}"
    return None


def _database(home: Home, release_id: str | None) -> Path:
    if release_id is None:
        # Its own folder: the link may lead elsewhere before the page is written.
        return releases.current_db(home).resolve()
    known = [release.release_id for release in releases.listed(home)]
    database = home.releases / release_id / "warehouse.duckdb"
    if release_id not in known or not database.is_file():
        raise releases.NoReleaseError(
            f"no release {release_id!r} in {home.releases}; there are: {', '.join(known) or 'none'}"
        )
    return database


def _fitting(snapshot: Snapshot) -> str:
    """The page with as many of the assets as its size has room for."""
    for count in range(ASSETS, 0, -1):
        fewer = replace(snapshot, assets=snapshot.assets[:count])
        text = render(fewer)
        if len(text.encode()) <= MAX_BYTES:
            return text
    raise PageError(
        f"the page of release {snapshot.release.get('release_id')} would be larger than "
        f"{MAX_BYTES:,} bytes, even with one asset"
    )
