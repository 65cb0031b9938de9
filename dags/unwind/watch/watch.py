"""One watch: the current release against the record, and what has changed to the channels."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping
from datetime import timedelta
from pathlib import Path

from unwind.clock import HOUR
from unwind.database import connect, row_of
from unwind.errors import UnwindError
from unwind.locks import LockedError, lock
from unwind.settings import Home, settings
from unwind.warehouse.releases import current_db
from unwind.watch.changes import (
    EPISODE,
    PUBLISHING,
    Change,
    Observation,
    Severity,
    changes_of,
)
from unwind.watch.channels import EMAIL, DeliveryError, Send, message
from unwind.watch.observations import (
    coverage_observations,
    gate_observations,
    market_observations,
)
from unwind.watch.state import Delivery, State, load, save

# 2026-11-26: after a longer pause, or an import of history, one change a thing and hour would be
# thousands; of what is older only the outcome is compared.
MAX_HOURS_BEHIND = 48
# An hour's landing settles within the next hour: until then a venue may still answer.
SETTLED_AFTER = HOUR

# In the home's folder of the watch: the record of what was notified.
STATE = "state.json"

logger = logging.getLogger(__name__)


class UndeliveredError(UnwindError, RuntimeError):
    """Changes wait for a channel that did not take them; they are sent again next time."""


def watch(home: Home, channels: Mapping[str, Send]) -> list[Change]:
    """Compares the current release with what was last notified, and delivers what has changed.

    Every change is logged; those that the settings let through go to each channel once. Returns
    the changes found. Raises UndeliveredError, NoReleaseError, StateError, SettingError.
    """
    severity, assets = settings().watch_severity, settings().watch_assets
    home.watch.mkdir(parents=True, exist_ok=True)
    path = home.watch / STATE
    try:
        with lock(home.watch / ".lock"):
            state = load(path)
            found = _look(home, state)
            wanted = [change for change in found if _is_wanted(change, severity, assets)]
            for change in found:
                logger.info("%s", message(change))
            names = sorted({*channels, *_of_airflow()})
            state.outbox += [Delivery(one, list(names)) for one in wanted if names]
            # Before anything is sent: a watch that is stopped here sends it next time.
            save(path, state)
            _deliver(path, state, channels)
    except LockedError:
        logger.info("another watch of this home is under way; it sees the same release")
        return []
    return found


def has_begun(home: Home) -> bool:
    """Whether a watch of this home has a release on record. Raises StateError."""
    return bool(load(home.watch / STATE).release_id)


def _look(home: Home, state: State) -> list[Change]:
    """The changes since the record, which is brought up to date."""
    with connect(home, current_db(home), read_only=True) as release:
        release_id, built_at, last_at = row_of(
            release, "select release_id, built_at, last_hour_at from marts.release"
        )
        observed = [_publishing(home, f"{built_at:%Y-%m-%dT%H:%MZ}", release_id)]
        is_first = not state.release_id
        is_older = state.last_hour_at is not None and last_at < state.last_hour_at
        # Readers who were moved back to an older release see nothing new.
        if release_id != state.release_id and last_at is not None and not is_older:
            first_at = max(
                state.last_hour_at or last_at, last_at - timedelta(hours=MAX_HOURS_BEHIND)
            )
            observed += market_observations(release, first_at, last_at)
            observed += coverage_observations(
                release, first_at - SETTLED_AFTER, last_at - SETTLED_AFTER
            )
            observed += gate_observations(release, state.known, built_at)
            state.release_id, state.last_hour_at = release_id, last_at
            _forget(state.known, f"{first_at:%Y-%m-%dT%H:%M}")
    found = changes_of(state.known, observed, release_id)
    if is_first:
        logger.info("watching from release %s on; changes after it are notified", release_id)
    return [] if is_first else found


def _publishing(home: Home, built_at: str, release_id: str) -> Observation:
    """Whether the last build was refused by a gate; `refresh` leaves a note of it."""
    try:
        refused = json.loads(home.refusal.read_text())
        text = f"{refused['message']} Readers stay on release {release_id}."
        return Observation(PUBLISHING, "release", "refused", refused["refused_at"], text)
    except (ValueError, LookupError, TypeError):
        # The note is there, so a build was refused, whatever has damaged the note.
        logger.warning("%s cannot be read; the next release removes it", home.refusal)
        text = (
            f"A gate refused the last build; `unwind status` says why, as {home.refusal.name} "
            f"cannot be read. Readers stay on release {release_id}."
        )
        return Observation(PUBLISHING, "release", "refused", built_at, text)
    except FileNotFoundError:
        text = f"A build was published again: release {release_id}."
        return Observation(PUBLISHING, "release", "published", built_at, text)


def _forget(known: dict[str, str], before: str) -> None:
    """Drops episodes that no later watch can observe again."""
    for key in [one for one in known if one.startswith(f"{EPISODE}/")]:
        if key.rpartition(" ")[2] < before:
            del known[key]


def _is_wanted(change: Change, severity: str, assets: Collection[str]) -> bool:
    if severity == "off" or Severity[change.severity.upper()] < Severity[severity.upper()]:
        return False
    return change.base_asset is None or "*" in assets or change.base_asset in assets


def _of_airflow() -> list[str]:
    """The channels that are set up and that only a DAG's task can send to."""
    return [EMAIL] if settings().watch_email else []


def _deliver(path: Path, state: State, channels: Mapping[str, Send]) -> None:
    """Sends what waits, oldest first, and keeps what a channel does not take."""
    problems = {}
    down = set()
    for waiting in list(state.outbox):
        for name in list(waiting.waiting_for):
            if name in down or (name not in channels and name in _of_airflow()):
                continue
            if name in channels:
                try:
                    channels[name](waiting.change)
                except DeliveryError as error:
                    problems[name] = str(error)
                    down |= {name} if error.is_down else set()
                    continue
            # A channel that is no longer set up takes nothing.
            waiting.waiting_for.remove(name)
            state.outbox = [one for one in state.outbox if one.waiting_for]
            save(path, state)
    if problems:
        listed = "; ".join(f"{name}: {reason}" for name, reason in sorted(problems.items()))
        raise UndeliveredError(
            f"changes were not taken ({listed}); the next watch sends them again; see to the"
            " connections that docs/watching.md names"
        )
