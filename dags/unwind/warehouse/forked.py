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
from collections.abc import Callable, Iterable, Iterator, Sequence
from multiprocessing.connection import Connection
from typing import TypeVar

R = TypeVar("R")
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


def divided(
    items: Sequence[T], work: Callable[[Iterable[T]], list[R]], beside_first: Callable[[], list[R]]
) -> list[R]:
    """The results of a list of up to 256 items: whichever process is free takes the next one.

    The child does `beside_first` before it takes any. Where it is killed, what it took is done
    here.
    """
    parent = os.getpid()
    own: list[T] = []
    reading, writing = os.pipe()
    # Each byte is read by one of the two.
    os.write(writing, bytes(range(len(items))))
    os.close(writing)

    def taken() -> Iterator[T]:
        while place := os.read(reading, 1):
            item = items[place[0]]
            own.append(item)
            yield item

    def beside() -> list[R]:
        is_child = os.getpid() != parent
        left = taken() if is_child else [item for item in items if item not in own]
        return [*beside_first(), *work(left)]

    try:
        here, other = both(lambda: work(taken()), beside)
    finally:
        os.close(reading)
    return [*here, *other]


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
