"""Where each venue is reached, by `AIRFLOW_CONN_<ID>`, and which parts of that are never recorded.

A connection's host is recorded with every answer, as the source of the bytes. All else that a
connection may hold (login, password, path, query, headers) is sent and never written.
"""

from __future__ import annotations

import base64
import html
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import (
    parse_qsl,
    quote,
    quote_plus,
    unquote,
    urlencode,
    urlsplit,
    urlunsplit,
)

from unwind.errors import SettingError

SCHEMES = ("https", "http", "wss", "ws")
REDACTED = "***"
# A shorter secret would occur by chance in published data.
MIN_SECRET_CHARACTERS = 6
# Where Airflow's URIs keep an extra that is nested.
AIRFLOW_EXTRA = "__extra__"
HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")


@dataclass(frozen=True)
class Endpoint:
    """A connection: `shown` may be written anywhere, all else must not be.

    `url` is the base URL without a trailing slash. Its path may hold a token, so `shown` has it
    only where it is the venue's own, or names the connection. `query` and `headers` are sent with
    each request.
    """

    shown: str
    url: str = field(repr=False)
    login: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def authorization(self) -> dict[str, str]:
        """The headers to send: the connection's own, and its login as HTTP's basic scheme."""
        if not self.login:
            return dict(self.headers)
        return {"Authorization": f"Basic {self._basic}", **self.headers}

    def with_query(self, url: str) -> str:
        """A URL below `url`, with the connection's own query added."""
        if not self.query:
            return url
        return f"{url}{'&' if '?' in url else '?'}{urlencode(self.query)}"

    @property
    def _basic(self) -> str:
        return base64.b64encode(f"{self.login}:{self.password}".encode()).decode("ascii")

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        """Every text that must not be written, in the forms that it may come back in; long first.

        A login with a password is a user name; a login without one is a token.
        """
        # A query such as ?TOKEN has only a name.
        values = [self.password, *(value or name for name, value in self.query)]
        values += self.headers.values()
        # 'Authorization: Bearer TOKEN' may come back as the token alone.
        values += [value.split()[-1] for value in self.headers.values() if value.strip()]
        if self.login:
            values += [self._basic] if self.password else [self._basic, self.login]
        forms = {form for value in (*values, *self._tokens) for form in _forms(value)}
        return tuple(sorted(forms, key=len, reverse=True))

    @property
    def _tokens(self) -> list[str]:
        """The path where it is off record, with its slashes, and what in it looks like a key."""
        path = urlsplit(self.url).path if self.url != self.shown else ""
        paths = [path, unquote(path)]
        segments = [one for path in paths for one in path.split("/")]
        return [*paths, *(one for one in segments if len(one) >= 12 and not one.isalpha())]

    def redacted(self, text: str) -> str:
        """The text with every secret of the connection struck out, and its URL as it is shown."""
        if self.url != self.shown:
            text = text.replace(self.url, self.shown)
        for secret in self.secrets:
            text = text.replace(secret, REDACTED)
        return text

    def redacted_bytes(self, payload: bytes | bytearray) -> bytes | bytearray:
        """An answer with every secret that it echoes struck out; the same object without any."""
        for secret in self.secrets:
            if secret.encode() in payload:
                payload = payload.replace(secret.encode(), REDACTED.encode())
        return payload


def without_userinfo(text: str) -> str:
    """The text without logins in URLs: errors also quote the URL of the environment's proxy."""
    return re.sub(r"(?<=://)[^/\s@]+@", f"{REDACTED}@", text)


def connection_variable(conn_id: str) -> str:
    """The environment variable of a connection, as Airflow names it."""
    return f"AIRFLOW_CONN_{conn_id.upper()}"


def connection(conn_id: str, default: str) -> Endpoint:
    """A connection as the environment states it, with the venue's own host as default.

    Read from `AIRFLOW_CONN_<CONN_ID>`, in either form that Airflow takes: JSON
    (`{"host": "https://...", "login": ..., "password": ..., "extra": {"headers": {...}}}`) or URI
    (`https://login:password@host:port/path?query`). In both, the host may be a whole URL.
    Raises SettingError when the variable is set but cannot be read or names no host; the text never
    quotes it.
    """
    return _connection(conn_id, default.rstrip("/"), stated(conn_id))


# Called for every request and answer; a variable does not change meanwhile.
@lru_cache
def _connection(conn_id: str, default: str, value: str) -> Endpoint:
    found = _stated(conn_id, value)
    if found.url:
        is_known = found.url == default or _names(conn_id, urlsplit(found.url).path)
        return replace(found, shown=found.url) if is_known else found
    if value and not (found.password or found.headers):
        raise SettingError(
            f"{connection_variable(conn_id)} names no host; set it to a URL such as {default!r}"
        )
    return replace(found, shown=default, url=default)


def endpoint(conn_id: str, default: str) -> str:
    """The base URL of a connection; its path may hold a secret. Raises as `connection` does."""
    return connection(conn_id, default).url


def password(conn_id: str) -> str:
    """The password of a connection, which is the user's key; empty if there is none.

    Raises SettingError when the variable cannot be read.
    """
    return _stated(conn_id, stated(conn_id)).password


def _names(conn_id: str, path: str) -> bool:
    """Whether a path only names its connection: for `x_dumps`, /x or /x_dumps/v1."""
    plain = {
        conn_id.lower(),
        *conn_id.lower().split("_"),
        *(f"v{version}" for version in range(10)),
    }
    return set(path.strip("/").split("/")) <= plain


def stated(conn_id: str) -> str:
    """The connection as the environment states it; empty if it does not."""
    return os.environ.get(connection_variable(conn_id), "").strip()


def _stated(conn_id: str, value: str) -> Endpoint:
    """The connection in the variable, with empty URLs where it names no host."""
    try:
        return _from_json(value) if value.startswith("{") else _from_uri(value)
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise SettingError(
            f"{connection_variable(conn_id)} cannot be read; write a URL with its special "
            'characters percent-encoded, or JSON such as {"host": "https://...", "password": "..."}'
        ) from None


def _from_json(value: str) -> Endpoint:
    fields = json.loads(value)
    host, schema = fields.get("host") or "", fields.get("schema") or fields.get("conn_type")
    if host and "://" not in host:
        host = f"{schema if schema in SCHEMES else 'https'}://{host}"
    found = _from_url(host, fields.get("port")) if host else Endpoint("", "")
    return replace(
        found,
        login=_text(fields.get("login")) or found.login,
        password=_text(fields.get("password")) or found.password,
        headers={**found.headers, **_headers(fields.get("extra"))},
    )


def _from_uri(value: str) -> Endpoint:
    if "://" not in value:
        return Endpoint("", "")
    # Airflow's own get_uri() writes http://https://host, and its older ones
    # http://host/https and http://https%3A%2F%2Fhost, for one and the same host.
    scheme, _, rest = value.partition("://")
    if "://" in rest.partition("?")[0]:
        return _from_url(rest)
    parts = urlsplit(value)
    login, host = parts.netloc.rpartition("@")[::2]
    inner = unquote(host)
    if "://" in inner:
        found = _from_url(inner + parts.path + (f"?{parts.query}" if parts.query else ""))
        return replace(found, **{key: one for key, one in _login(login).items() if one})
    if not host:
        return Endpoint("", "", **_login(login), **_sent_along(parts.query))
    if parts.path.strip("/") in SCHEMES:
        value = urlunsplit((parts.path.strip("/"), parts.netloc, "", parts.query, ""))
    elif scheme.lower() not in SCHEMES:
        value = f"https://{rest}"
    return _from_url(value)


def _from_url(text: str, port: Any = None) -> Endpoint:
    """Takes a URL apart. Raises ValueError where it is not clear which part is the host."""
    parts = urlsplit(text)
    login, host = parts.netloc.rpartition("@")[::2]
    # A password that is not percent-encoded may have ended the host too early.
    is_torn = "@" in parts.path + parts.fragment or (not login and "@" in parts.query)
    name, at = parts.hostname or "", parts.port or (int(port) if port else None)
    name = f"[{name}]" if ":" in name else name
    if parts.scheme not in SCHEMES or is_torn or not HOST.fullmatch(name) or host.startswith(":"):
        raise ValueError("not a URL of a host")
    root = f"{parts.scheme}://{name}" + (f":{at}" if at else "")
    path = parts.path.rstrip("/")
    return Endpoint(
        f"{root}/{REDACTED}" if path else root,
        root + path,
        **_login(login),
        **_sent_along(parts.query),
    )


def _sent_along(query: str) -> dict[str, Any]:
    """What a URL's query adds to each request: itself, and the headers of an extra in it."""
    asked = parse_qsl(query, keep_blank_values=True)
    return {
        "query": tuple((key, value) for key, value in asked if key != AIRFLOW_EXTRA),
        "headers": _headers(dict(asked).get(AIRFLOW_EXTRA)),
    }


def _login(userinfo: str) -> dict[str, Any]:
    login, _, password = userinfo.partition(":")
    return {"login": unquote(login), "password": unquote(password)}


def _headers(extra: Any) -> dict[str, str]:
    """The headers that a connection's extra asks to send. Raises ValueError for impossible ones."""
    stated = json.loads(extra) if isinstance(extra, str) and extra else extra or {}
    headers = {str(name): _text(value) for name, value in (stated.get("headers") or {}).items()}
    for text in (*headers, *headers.values()):
        if not text.isascii() or not text.isprintable():
            raise ValueError("not a header")
    return headers


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _forms(secret: str) -> set[str]:
    """A secret as it is, and as it comes back in URLs, JSON, HTML and headers."""
    if len(secret) < MIN_SECRET_CHARACTERS:
        return set()
    encoded = [quote(secret, safe=""), quote(secret), quote_plus(secret)]
    as_json = json.dumps(secret)[1:-1]
    octets = secret.encode()
    return {
        secret,
        *encoded,
        *(re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), one) for one in encoded),
        as_json,
        # PHP escapes slashes, Go what HTML would read.
        as_json.replace("/", "\\/"),
        re.sub("[&<>]", lambda found: f"\\u{ord(found[0]):04x}", as_json),
        html.escape(secret),
        base64.b64encode(octets).decode("ascii"),
        base64.urlsafe_b64encode(octets).decode("ascii"),
    }
