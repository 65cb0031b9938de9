"""Checks of a downloaded file."""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Sequence
from pathlib import Path


def file_sha256(path: Path) -> str:
    """The sha256 of its bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def holds_any(path: Path, secrets: Sequence[str]) -> bool:
    """Whether a file's bytes contain one of the texts."""
    if not secrets or not path.stat().st_size:
        return False
    with (
        path.open("rb") as stream,
        mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        return any(content.find(secret.encode()) >= 0 for secret in secrets)
