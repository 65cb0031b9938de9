"""Child processes that end with the process that started them, however that ends.

Each leads its own session, so that its descendants can be found: tasks leave their parent's process
group, but not its session. The kernel sends it SIGTERM when its parent ends. A record of the
sessions lets the next start end what survives a killed parent.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from unwind.durable import write_json

# The scheduler waits for running tasks before it ends; after this they are ended as well.
STOP_WITHIN_S = 20
KILL_AFTER_S = 5
PR_SET_PDEATHSIG = 1
# psutil derives a start from ticks of a hundredth of a second, and from when the machine started.
SAME_START_WITHIN_S = 1.0

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Leader:
    """Identifies a process later: ids are reused, but not with the same start time."""

    name: str
    pid: int
    started_at: float
    boot: str

    def is_alive(self) -> bool:
        """Whether that very process still runs."""
        process = self._process()
        return process is not None and process.status() != psutil.STATUS_ZOMBIE

    def may_have_left_others(self) -> bool:
        """Whether the session with its id is still the one that it led."""
        if self.boot != _boot():
            return False
        return self._process() is not None or not psutil.pid_exists(self.pid)

    def _process(self) -> psutil.Process | None:
        """That process, ended or not; None where its id is free or belongs to another process."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started_at) < SAME_START_WITHIN_S
        except psutil.NoSuchProcess:
            return None
        return process if same and self.boot == _boot() else None


def leader(name: str, pid: int) -> Leader:
    """The record of a running process. Raises psutil.NoSuchProcess."""
    return Leader(name, pid, psutil.Process(pid).create_time(), _boot())


def start(
    argv: Sequence[str], environment: Mapping[str, str], log: Path
) -> subprocess.Popen[bytes]:
    """Starts a command that ends with this process, its output appended to `log`."""
    with log.open("ab") as output:
        return subprocess.Popen(
            argv,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=_ending_with(os.getpid()),  # noqa: PLW1509
        )


def end(leaders: Iterable[subprocess.Popen[bytes]]) -> None:
    """Asks each process to stop, then ends every process left in their sessions."""
    leaders = list(leaders)
    for one in leaders:
        if one.poll() is None:
            one.terminate()
    deadline = time.monotonic() + STOP_WITHIN_S
    for one in leaders:
        try:
            one.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            one.kill()
    end_sessions({one.pid for one in leaders}, KILL_AFTER_S)
    for one in leaders:
        one.wait()


def end_sessions(sessions: Collection[int], patience_s: float) -> list[str]:
    """Ends every process of these sessions, with SIGKILL after `patience_s`; their names."""
    left = list(_of_sessions(sessions))
    names = [_name(process) for process in left]
    for process in left:
        _signal(process, signal.SIGTERM)
    _, still_there = psutil.wait_procs(left, timeout=patience_s)
    for process in still_there:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(still_there, timeout=KILL_AFTER_S)
    return names


def write_record(path: Path, leaders: Iterable[Leader]) -> None:
    """Writes the records of processes, so that a later start can find them."""
    write_json(path, [asdict(one) for one in leaders])


def read_record(path: Path) -> list[Leader]:
    """The recorded processes; none where the file is missing or broken."""
    try:
        return [Leader(**fields) for fields in json.loads(path.read_text())]
    except (OSError, ValueError, TypeError):
        return []


def _ending_with(parent: int) -> Callable[[], None]:
    """Runs in the child before it becomes its command."""

    def request_signal() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            # It ended before it could be asked about.
            os._exit(1)

    return request_signal


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _of_sessions(sessions: Collection[int]) -> Iterator[psutil.Process]:
    # Not psutil.process_iter: what it keeps of an id from an earlier call may be another process,
    # which it then does not signal.
    for pid in psutil.pids():
        with suppress(ProcessLookupError, PermissionError, psutil.NoSuchProcess):
            if os.getsid(pid) in sessions:
                yield psutil.Process(pid)


def _name(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return process.name()
    return f"process {process.pid}"


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)
