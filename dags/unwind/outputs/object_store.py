"""A place in object storage, `s3://bucket/prefix`, or in a folder, `file:///mnt/backup`.

What is stored is written once, and an object is there whole or not at all. What may change is one
small object, a pointer that names others: who reads it first sees one state.

The server and its keys are `AIRFLOW_CONN_OBJECT_STORE` (a URL with login and password, or JSON), or
what AWS's own variables and files state. Errors show the place, and nothing of the connection.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unwind.connections import (
    MIN_SECRET_CHARACTERS,
    REDACTED,
    Endpoint,
    connection,
    connection_variable,
    without_userinfo,
)
from unwind.errors import SettingError, UnwindError
from unwind.settings import STORE, settings

CONNECTION = "object_store"
PACKAGES = "pip install 'unwind[s3]'"
PLACE = re.compile(r"(?P<kind>s3|file)://(?P<root>[^@?#]+)")
# Of many small objects so many are on their way at once.
AT_ONCE = 32
# The client's own errors are no OSError.
OF_THE_CLIENT = ("aiobotocore", "aiohttp", "botocore")
CONFIG = {
    "connect_timeout": 10,
    "read_timeout": 60,
    # s3fs itself tries five times.
    "retries": {"total_max_attempts": 1, "mode": "standard"},
    # Servers that speak S3, but for AWS's own, know no trailing checksums.
    "request_checksum_calculation": "when_required",
    "response_checksum_validation": "when_required",
}


class StoreError(UnwindError):
    """Object storage failed or holds something else; the text says what and what to do."""


@dataclass(frozen=True)
class Stored:
    """An object's bytes, and its tag: its MD5 as a rule, empty in a folder."""

    bytes: int
    tag: str


@dataclass(frozen=True)
class ObjectStore:
    """A place in a store. Names of objects are relative to it, with slashes."""

    shown: str
    root: str
    files: Any = field(repr=False)
    endpoint: Endpoint = field(repr=False)

    def listed(self, under: str) -> dict[str, Stored]:
        """The objects below a name. Raises StoreError."""
        with self._errors():
            found = self.files.find(self._full(under), detail=True)
        start = len(self.root) + 1
        return {
            name[start:]: Stored(int(one["size"]), str(one.get("ETag") or "").strip('"'))
            for name, one in found.items()
        }

    def read(self, name: str) -> bytes | None:
        """An object's bytes; None where there is no such object. Raises StoreError."""
        with self._errors():
            try:
                return bytes(self.files.cat_file(self._full(name)))
            except FileNotFoundError:
                return None

    def write(self, name: str, payload: bytes) -> None:
        """Writes a small object, or replaces it, in one request. Raises StoreError."""
        with self._errors():
            full = self._full(name)
            if self._is_folder:
                self.files.makedirs(full.rpartition("/")[0], exist_ok=True)
                # A local file is not replaced in one step, but by renaming.
                beside = f"{full}.part"
                self.files.pipe_file(beside, payload)
                Path(beside).replace(full)
            else:
                self.files.pipe_file(full, payload)

    def put(self, files: Mapping[str, Path]) -> None:
        """Uploads files under new names. Raises StoreError."""
        if not files:
            return
        with self._errors():
            names = [self._full(name) for name in files]
            for folder in {name.rpartition("/")[0] for name in names} if self._is_folder else ():
                self.files.makedirs(folder, exist_ok=True)
            self.files.put([str(path) for path in files.values()], names, batch_size=AT_ONCE)

    def get(self, names: Mapping[str, Path]) -> None:
        """Downloads objects to paths whose folders are there. Raises StoreError."""
        if not names:
            return
        with self._errors():
            full = [self._full(name) for name in names]
            self.files.get(full, [str(path) for path in names.values()], batch_size=AT_ONCE)

    def remove(self, names: Sequence[str]) -> None:
        """Deletes objects. Raises StoreError."""
        if names:
            with self._errors():
                self.files.rm([self._full(name) for name in names])

    def remove_below(self, under: str) -> None:
        """Deletes all objects below a name, if there are any. Raises StoreError."""
        with self._errors(), suppress(FileNotFoundError):
            self.files.rm(self._full(under), recursive=True)

    def read_json(self, name: str) -> dict[str, Any] | None:
        """An object of JSON; None where there is none. Raises StoreError."""
        payload = self.read(name)
        if payload is None:
            return None
        try:
            return dict(json.loads(payload))
        except (ValueError, TypeError):
            raise StoreError(f"{self.shown}/{name} cannot be read as JSON; push again") from None

    def write_json(self, name: str, value: Mapping[str, Any]) -> None:
        """Writes a small object of JSON in one request. Raises StoreError."""
        self.write(name, json.dumps(value, indent=1, sort_keys=True).encode() + b"\n")

    @property
    def _is_folder(self) -> bool:
        return self.shown.startswith("file:")

    def _full(self, name: str) -> str:
        return f"{self.root}/{name}"

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            of_client = type(error).__module__.partition(".")[0] in OF_THE_CLIENT
            if not (of_client or isinstance(error, OSError)):
                raise
            raise StoreError(
                f"object storage at {self.shown} failed: {self._sentence(error)}; check {STORE} "
                f"and {connection_variable(CONNECTION)}, then run it again: what is there is whole"
            ) from None

    def _sentence(self, error: Exception) -> str:
        text = without_userinfo(self.endpoint.redacted(str(error) or type(error).__name__))
        login = self.endpoint.login
        if len(login) >= MIN_SECRET_CHARACTERS:
            text = text.replace(login, REDACTED)
        return text.splitlines()[0].rstrip(".")


def store(place: str | None = None) -> ObjectStore:
    """The place that a text or UNWIND_STORE names. Raises SettingError, StoreError."""
    text = (place or settings().store).rstrip("/")
    example = "s3://bucket/prefix or file:///mnt/backup"
    if not text:
        raise SettingError(f"{STORE} is not set; set it to a place such as {example}")
    named = PLACE.fullmatch(text)
    if named is None:
        raise SettingError(
            f"{STORE} names no place; write it as {example}, and keys as AIRFLOW_CONN_OBJECT_STORE"
        )
    endpoint = connection(CONNECTION, "")
    try:
        import fsspec

        if named["kind"] == "file":
            return ObjectStore(text, named["root"], fsspec.filesystem("file"), endpoint)
        import s3fs
    except ImportError:
        raise StoreError(f"s3fs is not installed: `{PACKAGES}` installs it") from None
    style = {"s3": {"addressing_style": "path"}} if endpoint.url else {}
    files = s3fs.S3FileSystem(
        key=endpoint.login or None,
        secret=endpoint.password or None,
        endpoint_url=endpoint.url or None,
        config_kwargs={**CONFIG, **style},
        use_listings_cache=False,
        skip_instance_cache=True,
    )
    return ObjectStore(text, named["root"], files, endpoint)


def sha256_of(path: Path) -> str:
    """The checksum of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
