"""Two halves of one job on two cores: one in a forked child, one here.

Python runs one thread at a time, and a process that starts from nothing imports for seconds. A fork
has everything imported. Where none can be made, or the child ends without an answer, both halves
run here: slower, with the same result.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TypeVar

T = TypeVar("T")

# prctl(2): the signal that a process gets when the one that made it ends.
PR_SET_PDEATHSIG = 1


def both(here: Callable[[], T], beside: Callable[[], T]) -> tuple[T, T]:
    """The results of two independent functions, run in parallel where possible.

    `beside` runs in a child process: its side effects are lost, and its result is pickled. An
    exception of either is raised here.
    """
    if not can_fork():
        return here(), beside()
    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)
    child = context.Process(target=_send, args=(beside, sending, os.getpid()), daemon=True)
    child.start()
    sending.close()
    try:
        own = here()
        try:
            other = receiving.recv()
        except EOFError:
            # Killed, for example when out of memory.
            return own, beside()
        if isinstance(other, Exception):
            raise other
        return own, other
    finally:
        receiving.close()
        child.terminate()
        child.join()


def can_fork() -> bool:
    """Whether a child would run on a core of its own, and may be forked safely."""
    return (
        sys.platform == "linux"
        and len(os.sched_getaffinity(0)) > 1
        and not multiprocessing.current_process().daemon
    )


def _send(work: Callable[[], T], sending: Connection, parent: int) -> None:
    # Ctrl-C reaches both; the parent ends this one, without what the command prints when it is
    # stopped. If the parent is killed, this one must not keep its files open.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        return
    try:
        answer: object = work()
    except Exception as error:  # noqa: BLE001
        answer = error
    sending.send(answer)
