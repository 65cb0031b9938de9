"""Where changes are sent: a webhook and Slack, by connections. No error quotes a URL or a key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

import requests

from unwind.connections import Endpoint, connection
from unwind.watch.changes import Change

# What a channel does with a change. Raises DeliveryError.
Send = Callable[[Change], None]

WEBHOOK, SLACK, EMAIL = "webhook", "slack", "email"
# Where a connection of a channel is not set.
NOWHERE = "https://hooks.example.org"
TIMEOUT_SECONDS = 10


class DeliveryError(Exception):
    """A change was not delivered. `is_down`: the next one would fail as well."""

    def __init__(self, reason: str, is_down: bool) -> None:
        super().__init__(reason)
        self.is_down = is_down


def web_channels() -> dict[str, Send]:
    """The channels whose connection is set: `AIRFLOW_CONN_WATCH_WEBHOOK`, `..._WATCH_SLACK`.

    Raises SettingError.
    """
    bodies: Mapping[str, Callable[[Change], dict[str, Any]]] = {
        WEBHOOK: asdict,
        SLACK: lambda change: {"text": message(change)},
    }
    found: dict[str, Send] = {}
    for name, body in bodies.items():
        endpoint = connection(f"watch_{name}", NOWHERE)
        if endpoint.url != NOWHERE:
            found[name] = partial(_post, endpoint, body)
    return found


def title(change: Change) -> str:
    """One line: severity, what and which."""
    return f"[{change.severity}] {change.kind} {change.subject}: {change.after}"


def message(change: Change) -> str:
    """The change in words, with the release that shows it."""
    return f"[{change.severity}] {change.text} (Release {change.release_id}.)"


def _post(endpoint: Endpoint, body: Callable[[Change], dict[str, Any]], change: Change) -> None:
    try:
        response = requests.post(
            endpoint.with_query(endpoint.url),
            json=body(change),
            # A receiver that keeps ids takes a change that comes twice for one.
            headers={"Idempotency-Key": change.change_id, **endpoint.authorization},
            timeout=TIMEOUT_SECONDS,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        # The error's text has the URL.
        raise DeliveryError(f"no answer ({type(error).__name__})", is_down=True) from None
    if not 200 <= response.status_code < 300:
        is_down = response.status_code >= 500 or response.status_code in (401, 403, 404, 408, 429)
        raise DeliveryError(f"the answer was HTTP {response.status_code}", is_down)
