"""Each test forks in a process of its own: the one that runs the tests has native threads."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from newfound.workers import can_fork

BEGIN = """
import os, signal
from newfound.errors import DamagedError, ResourceError
from newfound.workers import can_fork, in_order

def numbers(k, n):
    for number in range(k, 50, n):
        yield b"%d" % number * (1 + number * 1000)

def childless():
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return True

def refused(kind, results):
    try:
        list(results)
    except kind as error:
        return error

assert can_fork()
"""


def run(script: str) -> str:
    """What a new process prints that runs BEGIN and a script."""
    command = [sys.executable, "-W", "error", "-c", BEGIN + script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("n", [1, 2, 3, 60])
def test_results_come_in_order_whoever_computes_them(n: int) -> None:
    expected = "[result for result in numbers(0, 1)]"
    assert run(f"print(list(in_order(numbers, {n})) == {expected}, childless())") == "True True\n"


def test_an_error_of_ours_arrives_as_it_was_after_the_results_before_it() -> None:
    script = """
def share(k, n):
    yield b"fine"
    if k == 1:
        raise DamagedError("what happened", "what to do", "where")
    yield from numbers(k, n)

results = in_order(share, 2)
print(next(results), next(results), next(results))
error = refused(DamagedError, results)
print(error.message, error.hint, error.path, childless(), sep="|")
"""
    assert run(script) == "b'fine' b'fine' b'0'\nwhat happened|what to do|where|True\n"


def test_running_out_of_memory_is_told_as_such_and_a_fault_with_its_traceback() -> None:
    script = """
def share(k, n):
    raise MemoryError if k else KeyError("a fault")
    yield

print("KeyError: 'a fault'" in str(refused(RuntimeError, in_order(share, 1))))
print(refused(ResourceError, in_order(lambda k, n: share(1, n), 1)).message)
"""
    assert run(script) == "True\nout of memory\n"


def test_a_process_that_is_killed_ends_the_others_and_is_told() -> None:
    script = """
def share(k, n):
    if k == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    yield from numbers(k, n)

print("ended from outside" in refused(ResourceError, in_order(share, 3)).message, childless())
"""
    assert run(script) == "True True\n"


def test_who_wants_no_more_leaves_no_process_behind() -> None:
    script = """
def endless(k, n):
    while True:
        yield bytes(100_000)

results = in_order(endless, 2)
next(results)
results.close()
print(childless())
"""
    assert run(script) == "True\n"


def test_processes_end_when_their_caller_is_gone() -> None:
    script = """
def endless(k, n):
    while True:
        yield b"%d" % os.getpid()

caller = os.fork()
if caller == 0:
    results = in_order(endless, 2)
    os.write(1, next(results) + b" " + next(results))
    os.kill(os.getpid(), signal.SIGKILL)
os.waitpid(caller, 0)
"""
    for child in map(int, run(script).split()):
        gone = threading.Event()
        while not gone.wait(0.05):
            if not alive(child):
                gone.set()


def alive(process: int) -> bool:
    """Whether a process runs; one that ended and that nobody has waited for does not."""
    try:
        status = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_a_process_with_native_threads_is_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "active_count", lambda: 0)
    assert not can_fork()
