"""The PostgreSQL server that `AIRFLOW_CONN_MARTS_POSTGRES` names, in either form of Airflow's.

Errors show its host and port. Nothing else of the connection is ever written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from unwind.connections import (
    AIRFLOW_EXTRA,
    MIN_SECRET_CHARACTERS,
    REDACTED,
    connection_variable,
    stated,
)
from unwind.errors import SettingError, UnwindError

if TYPE_CHECKING:
    from adbc_driver_postgresql.dbapi import Connection

CONNECTION = "marts_postgres"
VARIABLE = connection_variable(CONNECTION)
EXAMPLE = "postgresql://unwind:PASSWORD@127.0.0.1:5433/unwind"
SCHEMES = ("postgres", "postgresql")
PACKAGES = "pip install 'unwind[postgres]'"
# Words of libpq: host, sslmode, connect_timeout.
WORD = re.compile(r"[a-z_]+")
# A name, an address, or the folder of a socket: it is shown.
HOST = re.compile(r"[A-Za-z0-9._:/-]*")
OTHERWISE = {"connect_timeout": "10", "application_name": "unwind"}


class PostgresError(UnwindError):
    """The copy in PostgreSQL could not be made; the text says why and what to do."""


@dataclass(frozen=True)
class Server:
    """A database of a PostgreSQL server; `words` are libpq's."""

    words: Mapping[str, str] = field(repr=False)

    @property
    def shown(self) -> str:
        """Its host and port, which may be written."""
        return f"{self.words.get('host', 'localhost')}:{self.words.get('port', '5432')}"

    def connect(self) -> Connection:
        """A connection without autocommit. Raises PostgresError."""
        try:
            from adbc_driver_postgresql import dbapi
        except ImportError:
            raise PostgresError(
                f"the ADBC driver for PostgreSQL is not installed: `{PACKAGES}` installs it"
            ) from None
        # Quoted here, so that no value is ever taken apart by libpq, which would show its parts.
        words = " ".join(f"{word}={_quoted(value)}" for word, value in self.words.items())
        try:
            return dbapi.connect(words, autocommit=False)
        except dbapi.Error as error:
            raise PostgresError(
                f"PostgreSQL at {self.shown} cannot be reached: {self.sentence(error)}; check "
                f"{VARIABLE} and that the server runs"
            ) from None

    def sentence(self, error: BaseException) -> str:
        """The first line of a driver's error, with everything secret struck out."""
        text = str(error).partition("[libpq] ")[2] or str(error)
        first = next((line for line in text.splitlines() if line.strip()), "no reason given")
        for value in sorted(self._secrets, key=len, reverse=True):
            first = first.replace(value, REDACTED)
        return first.strip()

    @property
    def _secrets(self) -> list[str]:
        return [
            value
            for word, value in self.words.items()
            if word not in ("host", "port", *OTHERWISE) and len(value) >= MIN_SECRET_CHARACTERS
        ]


def is_stated() -> bool:
    """Whether a server is named at all."""
    return bool(stated(CONNECTION))


def server() -> Server:
    """The server of the connection. Raises SettingError, whose text never quotes the variable."""
    value = stated(CONNECTION)
    if not value:
        raise SettingError(f"{VARIABLE} is not set; set it to a URL such as {EXAMPLE}")
    try:
        words = _from_json(value) if value.startswith("{") else _from_uri(value)
        if not all(WORD.fullmatch(word) for word in words):
            raise ValueError("not words of libpq")
        if not HOST.fullmatch(words["host"]) or not f"0{words['port']}".isdecimal():
            raise ValueError("not a host and a port")
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise SettingError(
            f"{VARIABLE} cannot be read; write a URL such as {EXAMPLE} with its special characters "
            'percent-encoded, or JSON such as {"host": "127.0.0.1", "schema": "unwind", "login": '
            '"unwind", "password": "..."}'
        ) from None
    return Server({**OTHERWISE, **{word: text for word, text in words.items() if text}})


def _from_uri(value: str) -> dict[str, str]:
    """Takes a URL apart. Raises ValueError where it is not clear which part is the host."""
    parts = urlsplit(value)
    login, _, host = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    # A password that is not percent-encoded may have ended the host too early.
    is_torn = "@" in parts.path + parts.query or parts.fragment
    if parts.scheme not in SCHEMES or is_torn or host.startswith(":"):
        raise ValueError("not a URL of PostgreSQL")
    asked = dict(parse_qsl(parts.query, keep_blank_values=True))
    nested = _extra(asked.pop(AIRFLOW_EXTRA, None))
    return {
        "host": parts.hostname or "",
        "port": str(parts.port or ""),
        "dbname": unquote(parts.path.strip("/")),
        "user": unquote(user),
        "password": unquote(password),
        **asked,
        **nested,
    }


def _from_json(value: str) -> dict[str, str]:
    fields = json.loads(value)
    named = {
        "host": fields.get("host"),
        "port": fields.get("port"),
        "dbname": fields.get("schema"),
        "user": fields.get("login"),
        "password": fields.get("password"),
    }
    texts = {word: "" if one is None else str(one) for word, one in named.items()}
    if "://" in texts["host"]:
        raise ValueError("a URL as a host")
    return {**texts, **_extra(fields.get("extra"))}


def _extra(extra: Any) -> dict[str, str]:
    fields = json.loads(extra) if isinstance(extra, str) and extra else extra or {}
    return {str(word): str(one) for word, one in fields.items()}


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
