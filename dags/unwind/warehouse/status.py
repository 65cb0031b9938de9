"""The state of the warehouse, and its faults."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

import unwind
from unwind.clock import iso
from unwind.database import connect, row_of
from unwind.durable import write_json
from unwind.landing.ledger import EVERY_VENUE, Ledger, LedgerError
from unwind.progress import Progress, no_progress
from unwind.recorder.state import recorder_states
from unwind.scratch import process_folder
from unwind.settings import PROJECT_ROOT, Home
from unwind.warehouse import files, releases
from unwind.warehouse.verification import Finding, verify

# 2026-11-22: an hour is landed, built and published within minutes of its end.
STALE_AFTER = timedelta(hours=3)
FREE_BYTES_WANTED = 5 * 2**30
NO_RECORDER_NEEDED = "no recorder is needed for a simulated market"
# How the reason of a part begins that is held for its damaged bytes (landing/raw.py).
DAMAGE = ("the raw object", "the lines")


Rows = list[tuple[Any, ...]]


def status_tables(home: Home, now: datetime) -> Iterator[tuple[str, list[str], Rows]]:
    """Titles, column names and rows: recorder, releases, batches, failures, holds, gates."""
    yield _recorder_table(home, now)
    known = releases.listed(home)
    sealed = Ledger(home).sealed()
    yield (
        "Batches",
        ["sealed", "in the newest release", "releases kept", "current"],
        [
            (
                len(sealed),
                known[0].batches if known else 0,
                len(known),
                next((release.release_id for release in known if release.is_current), "none"),
            )
        ],
    )
    withdrawn = [
        (batch_id, "all" if venue == EVERY_VENUE else venue, iso(entry.noted_at), entry.reason)
        for batch_id, parts in sorted(Ledger(home).withdrawn().items())
        for venue, entry in sorted(parts.items())
    ]
    if withdrawn:
        yield "Withdrawn", ["batch", "venue", "since", "reason"], withdrawn
    unreadable = [(str(error),) for error in _unreadable(home)]
    if unreadable:
        yield "Entries of the ledger that cannot be read", ["what"], unreadable
    if not releases.has_current(home):
        return
    try:
        with files.opened(home, releases.current_db(home)) as release:
            for title, query in STATUS_QUERIES.items():
                rows = release.execute(query).fetchall()
                if rows:
                    yield title, [column[0] for column in release.description], rows
    except (files.UnusableFileError, files.WarehouseFileError, duckdb.Error) as error:
        problem = f"it cannot be read ({error}); run `unwind doctor`".replace("\n", " ")
        yield "This release", ["what"], [(problem,)]


def _unreadable(home: Home) -> Iterator[LedgerError]:
    """Unreadable newest revisions: the batches whose newest state is unknown."""
    ledger = Ledger(home)
    for ref in ledger.sealed():
        try:
            ledger.read(ref)
        except LedgerError as error:
            yield error


def _recorder_table(home: Home, now: datetime) -> tuple[str, list[str], Rows]:
    """One row per stream of the running recorders."""
    states = recorder_states(home)
    running = [state for state in states if state.is_running(now)]
    if home.is_simulated:
        return "Recorder", ["what"], [(NO_RECORDER_NEEDED,)]
    if not running:
        last = max((state.updated_at for state in states), default=None)
        since = f"; the last one gave its last sign at {iso(last)}" if last else ""
        what = f"no recorder runs{since}. Start it with `unwind record` or `unwind up`"
        return "Recorder", ["what"], [(what,)]
    names = ["stream", "connected since", "last frame at", "frames", "dropped", "reconnects"]
    rows = [
        (
            "/".join(filter(None, (state.recorder, stream.stream))),
            _short(stream.connected_at),
            _short(stream.last_frame_at),
            *(stream.frames, stream.dropped, stream.reconnects),
            stream.problem or state.problem,
        )
        for state in running
        for stream in state.streams
    ]
    return "Recorder", [*names, "problem"], rows


def _short(instant: datetime | None) -> str | None:
    return f"{instant:%Y-%m-%d %H:%M:%S}" if instant else None


STATUS_QUERIES = {
    "This release": "select release_id, last_hour_at, batches, gate_outcome from marts.release",
    "Liquidations by venue, newest 24 hours": """
        select venue, count(*) as events, max(event_at) as newest_event_at
        from marts.fct_liquidations
        where hour_at > (select last_hour_at - interval 24 hour from marts.release)
        group by all order by all
    """,
    "Datasets that failed or came in part, newest 24 hours": """
        select batch_id, venue, dataset, status, detail from marts.landing_outcomes
        where status in ('failed', 'partial')
            and coalesce(covers_to_at, sealed_at)
            > (select last_hour_at - interval 24 hour from marts.release)
        order by batch_id desc, venue, dataset limit 20
    """,
    "Held parts": """
        select distinct batch_id, venue, hold_reason from marts.landing_outcomes
        where is_held order by all
    """,
    "Gate failures of this release": """
        select gate, suite, severity, message from marts.gate_results
        where not success and run_id = (select run_id from marts.release) order by all limit 20
    """,
    "Quarantined rows": """
        select venue, reject_reason, count(*) as rows from marts.quarantined_liquidations
        group by all order by rows desc
    """,
    "Quarantined observations": """
        select venue, dataset, reject_reason, count(*) as rows from marts.quarantined_observations
        group by all order by rows desc, 1, 2, 3 limit 20
    """,
    "Symbols of no known grammar": """
        select venue, dataset, symbol, sum(occurrences)::bigint as rows,
            min(first_seen_at) as first_seen_at, max(last_seen_at) as last_seen_at
        from marts.unrecognised_symbols group by all order by rows desc, 1, 2, 3 limit 20
    """,
}


def diagnose(
    home: Home,
    now: datetime,
    quick: bool = False,
    report: Progress = no_progress,
) -> Iterator[Finding]:
    """Checks everything that can be wrong, most basic first; `quick` reads a sample of raw."""
    yield from _state_findings(home, now)
    yield from verify(home, now, quick, report)


def _state_findings(home: Home, now: datetime) -> Iterator[Finding]:
    package = Path(unwind.__file__).resolve().parent
    yield Finding(True, f"unwind {releases.code_version()} from {package}")
    expected = PROJECT_ROOT / "dags" / "unwind"
    yield Finding(
        package == expected.resolve(),
        f"the package and the DAGs are one tree ({expected})",
        "install the project with `make setup`, so that the DAGs and the command run one code",
    )
    home.root.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(home.root).free
    yield Finding(
        free > FREE_BYTES_WANTED,
        f"{free / 2**30:.0f} GiB are free at {home.root}",
        "free some space, or move the warehouse with UNWIND_HOME",
    )
    yield _recorder_finding(home, now)
    known = releases.listed(home)
    yield Finding(
        bool(known), f"{len(known)} releases are published", "run `unwind demo` or `unwind refresh`"
    )
    if not known or not releases.has_current(home):
        return
    sealed = Ledger(home).sealed()
    waiting = len(sealed) - known[0].batches
    yield Finding(
        waiting <= 0,
        f"{max(waiting, 0)} of {len(sealed)} sealed batches wait to be built",
        "run `unwind refresh`; if it fails, it says why",
    )
    yield Finding(
        known[0].is_current,
        "readers are on the newest release",
        "a release was rolled back; the next refresh makes its own release current",
    )
    yield Finding(
        home.is_simulated or now - known[0].built_at < STALE_AFTER,
        f"the newest release was built at {iso(known[0].built_at)}"
        + (", by the demo's clock" if home.is_simulated else ""),
        "is the refresh running? `unwind up` schedules it, `unwind refresh` runs it once",
    )
    try:
        with files.opened(home, releases.current_db(home)) as release:
            (held,) = row_of(
                release,
                "select count(distinct (batch_id, venue)) from marts.landing_outcomes"
                " where is_held",
            )
    except (files.UnusableFileError, files.WarehouseFileError, duckdb.Error):
        # Named below, with the release's other files.
        return
    yield Finding(
        not held,
        f"{held} parts are held by the landed gate",
        "`unwind status` names them; land again, or `unwind release-hold BATCH VENUE`",
    )


def _recorder_finding(home: Home, now: datetime) -> Finding:
    if home.is_simulated:
        return Finding(True, NO_RECORDER_NEEDED)
    running = [state for state in recorder_states(home) if state.is_running(now)]
    if not running:
        return Finding(
            False,
            "no recorder runs",
            "what is only streamed is lost meanwhile: start `unwind record` or `unwind up`",
        )
    complaints = [complaint for state in running for complaint in state.complaints(now)]
    streams = sum(len(state.streams) for state in running)
    return Finding(
        not complaints,
        f"the recorder runs, with {streams} connections to "
        f"{len({state.venue for state in running})} venues"
        + "".join(f"; {complaint}" for complaint in complaints),
        "a host that refuses this address needs a mirror (docs/operations.md), a full disk space; "
        "the recorder goes on trying",
    )


def release_held_part(home: Home, batch_id: str, venue: str, now: datetime) -> str | None:
    """Records that a person releases a held part. Returns the problem, None when done."""
    with connect(home, releases.current_db(home), read_only=True) as release:
        row = release.execute(
            "select max(revision), max(hold_reason) from marts.landing_outcomes"
            " where batch_id = ? and venue = ? and is_held",
            [batch_id, venue],
        ).fetchone()
    if row is None or row[0] is None:
        return f"no part of {venue} in {batch_id} is held; `unwind status` lists what is"
    revision, reason = row
    if reason.startswith(DAMAGE):
        return f"{venue}'s part of {batch_id} cannot be let through, for its bytes are: {reason}"
    write_json(
        home.hold_releases / f"{batch_id}.r{revision:04d}.{venue}.json",
        {
            "batch_id": batch_id,
            "revision": revision,
            "venue": venue,
            "reason": reason,
            "released_at": iso(now),
        },
        folder=process_folder(home),
    )
    return None
