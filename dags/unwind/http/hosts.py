"""A venue's hosts, and which parts of its connections are never recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from unwind.connections import Endpoint, connection, without_userinfo


@dataclass(frozen=True)
class Connection:
    """A host of a venue; `AIRFLOW_CONN_<ID>` replaces it.

    Connections with equal `limits` share one rate budget and are blocked together. An empty
    `default_host` means that there is no public one. One that `follows` another goes with it when
    that one is replaced (a mirror serves its own listing). Where there is a `key_header`, the
    user's own key is sent in it: the connection's password, which is never on record.
    """

    default_host: str
    limits: str = "api"
    follows: str | None = None
    key_header: str | None = None


class Hosts:
    """The connections of one venue, as the environment states them now."""

    def __init__(self, connections: Mapping[str, Connection]) -> None:
        self._connections = connections

    def __getitem__(self, name: str) -> Connection:
        return self._connections[name]

    def endpoint(self, name: str) -> Endpoint:
        """Where a connection leads; empty when nothing is configured and no public host exists."""
        known = self._connections[name]
        own = connection(name, known.default_host)
        if known.follows and own.url == known.default_host.rstrip("/"):
            followed = self._connections[known.follows].default_host.rstrip("/")
            replaced = connection(known.follows, followed)
            return own if replaced.url == followed else replaced
        return own

    def endpoints(self) -> Iterator[Endpoint]:
        """Where all connections lead: one host may serve several, and know the secrets of all."""
        for name in self._connections:
            with suppress(ValueError):
                yield self.endpoint(name)

    def redacted(self, text: str) -> str:
        """A text with the secrets of all connections struck out."""
        for endpoint in self.endpoints():
            text = endpoint.redacted(text)
        return without_userinfo(text)
