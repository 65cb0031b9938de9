"""Expected failures and their wording."""

from __future__ import annotations

import errno
import re
import signal
import sys
from pathlib import Path

MEMORY_VARIABLE = "UNWIND_MEMORY_LIMIT"
STAYS = "what was landed and published stays as it was"

FORBIDDEN = "allow this user to use it, or choose another place (UNWIND_HOME names the home)"

# What the user can do about a system error, by its number.
REMEDIES = {
    errno.ENOSPC: "the disk is full: free some space, then run the command again",
    errno.EDQUOT: "your quota of this disk is used up: free some space, then run the command again",
    errno.EFBIG: "no file may become as large here: raise the limit (`ulimit -f`), then try again",
    errno.EROFS: "this disk can only be read: choose another place (UNWIND_HOME names the home)",
    errno.EACCES: FORBIDDEN,
    errno.EPERM: FORBIDDEN,
    errno.ENOENT: "it is not there and cannot be made: check the path",
    errno.ENOTDIR: "a file stands where a folder is wanted: choose another path",
    errno.EEXIST: "something stands there already: choose another path",
    errno.EISDIR: "a folder stands where a file is wanted: choose another path",
    errno.EMFILE: "too many files are open: raise the limit (`ulimit -n`), then try again",
    errno.ENFILE: "too many files are open on this machine: close some programs, then try again",
    errno.ENOMEM: f"memory has run out: close other programs, or lower {MEMORY_VARIABLE}",
    errno.EIO: "the disk does not answer: look at it (`dmesg`) before anything else",
    errno.ESTALE: "the network disk is gone: mount it again",
    errno.ENAMETOOLONG: "its name is too long: choose a shorter path",
}
OF_THIS_MACHINE = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM),
    *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.ESTALE),
}
OUT_OF_MEMORY = (
    f"raise {MEMORY_VARIABLE} (docs/operations.md, Memory), as far as the machine has it, or take "
    "less at a time"
)
_LOCKED = re.compile(r"Could not set lock on file \"(.+?)\".*?PID (\d+)", re.DOTALL)


class UnwindError(Exception):
    """A failure outside the code. Its text is for the user: what happened, to what, what to do."""

    exit_code = 1


class SettingError(UnwindError, ValueError):
    """An environment variable cannot be read; the text names it and shows how to write it."""

    exit_code = 2


class UnknownNameError(UnwindError, LookupError):
    """A name in an argument that nothing has; the text says what there is, or where to look."""

    exit_code = 2


def sentence_of(error: BaseException, home: Path) -> str | None:
    """An error of the system or the database in words; None for an error of the code."""
    duckdb = sys.modules.get("duckdb")
    if duckdb is not None and isinstance(error, duckdb.Error):
        return _of_database(str(error))
    if isinstance(error, MemoryError):
        return f"memory has run out; {OUT_OF_MEMORY}; {STAYS}"
    if isinstance(error, UnicodeEncodeError):
        return _of_encoding(error)
    if isinstance(error, OSError) and error.errno is not None:
        where = error.filename2 or error.filename or home
        remedy = REMEDIES.get(error.errno, "see to it, then run the command again")
        return f"{where}: {error.strerror}; {remedy}; {STAYS}"
    return None


def _of_encoding(error: UnicodeEncodeError) -> str | None:
    """A text that cannot be written; None where the encoding is not the terminal's choice."""
    text = ascii(error.object[error.start : error.end][:20])
    # Python reads bytes of an argument that are not UTF-8 as lone surrogates.
    if any("\ud800" <= one <= "\udfff" for one in error.object[error.start : error.end]):
        return f"an argument is not written in UTF-8 (at {text}); write it in UTF-8; {STAYS}"
    if error.encoding.lower().replace("_", "-") in {"utf-8", "utf8"}:
        return None
    return (
        f"the output is encoded as {error.encoding}, which has no {text}; set "
        f"PYTHONIOENCODING=utf-8, then run the command again; {STAYS}"
    )


def is_of_this_machine(error: BaseException) -> bool:
    """Whether this machine's disk or memory failed, rather than a venue's answer."""
    if isinstance(error, MemoryError):
        return True
    return isinstance(error, OSError) and error.errno in OF_THIS_MACHINE


def ending(returncode: int) -> str:
    """How a process ended, and what helps: `was killed by signal 9 (SIGKILL), ...`."""
    if returncode >= 0:
        return f"ended with exit code {returncode}"
    number = -returncode
    name = (
        signal.Signals(number).name if any(number == one for one in signal.Signals) else "unknown"
    )
    killed = f"was killed by signal {number} ({name})"
    if number != signal.SIGKILL:
        return killed
    return (
        f"{killed}, as the system does when memory runs out: lower {MEMORY_VARIABLE} (what the "
        "database may use; the programs around it take up to 1.1 GiB more), or give the machine or "
        "container more"
    )


def _of_database(message: str) -> str:
    """DuckDB's own words, and what to do about them."""
    locked = _LOCKED.search(message)
    if locked:
        return (
            f"{locked[1]} is open for writing in another program (process {locked[2]}); close it "
            "there, and open releases read-only; then run the command again"
        )
    first = message.strip().splitlines()[0] if message.strip() else "no reason given"
    remedy = database_remedy(message, "`unwind doctor` says what else is wrong")
    return f"the database failed: {first}; {remedy}; {STAYS}"


def is_out_of_memory(message: str) -> bool:
    """Whether DuckDB failed because its memory limit was too low."""
    return "Out of Memory" in message or "failed to allocate" in message


def database_remedy(
    message: str, otherwise: str = "`unwind doctor` says what else is wrong"
) -> str:
    """What to do about a failure of DuckDB."""
    if is_out_of_memory(message):
        return OUT_OF_MEMORY
    if "No space left" in message:
        return REMEDIES[errno.ENOSPC]
    if "Read-only file system" in message:
        return REMEDIES[errno.EROFS]
    if "Permission denied" in message:
        return REMEDIES[errno.EACCES]
    return otherwise
