from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from newfound.errors import BusyError, DamagedError
from newfound.store.locks import is_held, lock, make_lock_file

HOLD = """
import sys, time
from pathlib import Path
from newfound.store.locks import is_held, lock, make_lock_file
with lock(Path(sys.argv[1]), 10, "test"):
    print("held", flush=True)
    time.sleep(60)
"""
COUNT = """
import sys
from pathlib import Path
from newfound.store.locks import is_held, lock, make_lock_file
counter = Path(sys.argv[1]).with_name("counter")
for _ in range(50):
    with lock(Path(sys.argv[1]), 60, "test"):
        counter.write_text(str(int(counter.read_text()) + 1))
"""


def start(script: str, path: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, "-c", script, str(path)], env=environment, stdout=subprocess.PIPE, text=True
    )


@contextmanager
def held(path: Path) -> Iterator[subprocess.Popen[str]]:
    with start(HOLD, path) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        try:
            yield holder
        finally:
            holder.kill()


def test_eight_processes_never_hold_a_lock_together(tmp_path: Path) -> None:
    (tmp_path / "counter").write_text("0")
    writers = [start(COUNT, tmp_path / "a.lock") for _ in range(8)]
    for writer in writers:
        writer.communicate()
    assert (tmp_path / "counter").read_text() == "400"


def test_a_time_out_names_the_holder_and_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "events.lock"
    with held(path) as holder, pytest.raises(BusyError) as caught, lock(path, 0.1, "write events"):
        pass
    assert caught.value.message.startswith(f"events is locked by process {holder.pid} (")
    assert str(path) in caught.value.message  # the holder's command line
    assert caught.value.message.endswith("waited 0.1 s to write events")
    assert "--lock-timeout" in caught.value.hint
    assert caught.value.exit_code == 5


def test_the_lock_of_a_killed_holder_is_free_at_once(tmp_path: Path) -> None:
    with held(tmp_path / "a.lock") as holder:
        holder.kill()
        holder.wait()
        started = time.monotonic()
        with lock(tmp_path / "a.lock", 5, "test"):
            assert time.monotonic() - started < 1


def test_a_stopped_holder_is_waited_for_no_longer_than_asked(tmp_path: Path) -> None:
    with held(tmp_path / "a.lock") as holder:
        holder.send_signal(signal.SIGSTOP)
        started = time.monotonic()
        with pytest.raises(BusyError), lock(tmp_path / "a.lock", 0.2, "test"):
            pass
        assert 0.2 <= time.monotonic() - started < 1.2


def test_a_lock_is_free_after_its_body_failed(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), lock(tmp_path / "a.lock", 0, "test"):
        raise ZeroDivisionError
    with lock(tmp_path / "a.lock", 0, "test"):
        pass


def test_the_lock_file_is_private_and_stays(tmp_path: Path) -> None:
    with lock(tmp_path / "a.lock", 0, "test"):
        pass
    assert stat.S_IMODE((tmp_path / "a.lock").stat().st_mode) == 0o600


def test_a_planted_link_is_refused_and_its_target_unchanged(tmp_path: Path) -> None:
    (tmp_path / "canary").write_bytes(b"alive")
    (tmp_path / "a.lock").symlink_to(tmp_path / "canary")
    with pytest.raises(DamagedError, match="not a regular file"), lock(tmp_path / "a.lock", 0, "test"):
        pass
    assert (tmp_path / "canary").read_bytes() == b"alive"


@pytest.mark.parametrize("kind", ["directory", "pipe"])
def test_what_is_no_file_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    path.mkdir() if kind == "directory" else os.mkfifo(path)
    with pytest.raises(DamagedError, match="not a regular file"), lock(path, 0, "test"):
        pass


def test_taking_a_lock_changes_no_file(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    make_lock_file(path)
    with lock(path, 0, "test"):
        assert path.read_bytes() == b""
        assert is_held(path)
    assert not is_held(path)
    assert not is_held(tmp_path / "never made.lock")
