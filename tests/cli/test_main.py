"""Real processes: streams, signals, exit codes, and what a user's mistake looks like."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from newfound.errors import ResourceError
from newfound_cli.dispatch import run
from newfound_cli.signals import GRACE_SECONDS

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Double

# A process whose project answers `status` by running the code of the first argument.
CHILD = """
import sys
from newfound_cli import context, main
code = sys.argv.pop(1)
class Project:
    lock_timeout = 0.0
    @classmethod
    def open(cls, directory): return cls()
    def status(self):
        scope = {}
        exec(code, scope)
        return scope["answer"]
context.facade = lambda: sys.modules[__name__]
main.main()
"""
STATUS = (
    "answer = {'project': 'p', 'datasets': [], 'solutions': [], 'campaigns': [], 'stale': [], 'next': 'x'}"
)


def start(code: str, *arguments: str, **options: object) -> subprocess.Popen[bytes]:
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.Popen([sys.executable, "-c", CHILD, code, *arguments], **streams)  # type: ignore[call-overload]  # streams of several types


def test_a_result_is_all_that_standard_output_holds() -> None:
    out, err = start(STATUS, "status", "--json").communicate()
    assert out.startswith(b'{"project":"p"') and out.endswith(b"}\n")
    assert err == b""


def test_a_closed_pipe_is_no_failure_and_says_nothing() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    child = start(STATUS, "status", stdout=write_end)
    os.close(write_end)
    assert child.communicate() == (None, b"")
    assert child.returncode == 0


def test_a_full_disk_under_standard_output_is_exit_8() -> None:
    with Path("/dev/full").open("wb") as full:
        child = start(STATUS, "status", "--json", stdout=full)
        _, err = child.communicate()
    assert child.returncode == 8
    assert err == b"error: no space left on device; check the disk and permissions\n"


def test_closed_standard_streams_are_harmless() -> None:
    line = f'exec "{sys.executable}" -c "$1" "$2" status --json <&- >&- 2>&-'
    assert subprocess.run(["sh", "-c", line, "sh", CHILD, STATUS], check=False).returncode == 0


def test_an_interruption_is_an_error_in_json_too(cli: Cli, project: Double) -> None:
    project.answers["train"] = KeyboardInterrupt()
    outcome = cli("solution", "train", "--json")
    assert outcome.code == 130 and outcome.json["error"]["code"] == "interrupted"
    assert outcome.json["error"]["hint"] == "nothing is half done; run the command again"


def test_an_interrupted_training_says_how_it_goes_on(cli: Cli, project: Double) -> None:
    project.answers["train"] = KeyboardInterrupt()
    project.answers["train"].add_note("`newfound solution train --resume` goes on")
    outcome = cli("solution", "train")
    expected = "error: interrupted; nothing is half done; `newfound solution train --resume` goes on\n"
    assert (outcome.code, outcome.err) == (130, expected)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("wait", ["time.sleep(60)", "while True: ctypes.PyDLL(None).usleep(1000)"])
def test_signals_end_the_process_with_their_code(number: int, code: int, wait: str) -> None:
    child = start(f"import ctypes, time\nprint('ready', flush=True)\n{wait}", "status")
    assert child.stdout is not None and child.stdout.readline() == b"ready\n"
    child.send_signal(number)
    _, err = child.communicate(timeout=10)
    assert child.returncode == code
    assert err.startswith(b"error: interrupted") and err.count(b"\n") == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_during_the_imports_is_no_traceback(number: int, code: int) -> None:
    early = "import os, sys; from newfound_cli import main; sys.modules.pop('typer', None)\n"
    early += "class Finder:\n def find_spec(self, name, *_):\n"
    early += f"  if name == 'typer': os.kill(os.getpid(), {int(number)})\n"
    early += "sys.meta_path.insert(0, Finder()); main.main()"
    done = subprocess.run([sys.executable, "-c", early, "status"], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (code, b"", b"error: interrupted\n")


def test_native_code_that_does_not_return_is_left_behind_within_a_second() -> None:
    # The thread that handles signals waits for a lock that nobody releases, outside the interpreter.
    code = """import ctypes
print('ready', flush=True)
c = ctypes.CDLL(None)
lock = ctypes.create_string_buffer(256)
c.pthread_mutex_lock(lock)
c.pthread_mutex_lock(lock)"""
    child = start(code, "status")
    assert child.stdout is not None and child.stdout.readline() == b"ready\n"
    begin = time.monotonic()
    child.terminate()
    child.communicate(timeout=10)
    assert child.returncode == 143
    assert time.monotonic() - begin < GRACE_SECONDS + 1


def test_an_internal_error_is_one_line_that_tells_how_to_see_more() -> None:
    child = start("raise ZeroDivisionError('\\x1b[31m')", "status")
    out, err = child.communicate()
    assert child.returncode == 1
    assert out == b""
    assert (
        err.count(b"\n") == 1
        and b"ZeroDivisionError" in err
        and b"NEWFOUND_DEBUG=1" in err
        and b"\x1b" not in err
    )


@pytest.mark.parametrize(("arguments", "debug"), [(["-v"], ""), ([], "1")])
def test_the_traceback_of_an_internal_error_is_shown_on_request(arguments: list[str], debug: str) -> None:
    child = start(
        "raise ZeroDivisionError", "status", *arguments, env={**os.environ, "NEWFOUND_DEBUG": debug}
    )
    assert b"Traceback (most recent call last)" in child.communicate()[1]


@pytest.mark.parametrize("options", [[], ["--no-color"]])
@pytest.mark.parametrize("no_color", ["", "1"])
def test_colour_appears_on_a_terminal_only_and_only_if_wanted(options: list[str], no_color: str) -> None:
    environment = {**os.environ, "TERM": "xterm", "NO_COLOR": no_color}
    code = STATUS.replace("'campaigns': []", "'campaigns': [{'name': 'a'}]")
    ours, theirs = pty.openpty()
    child = start(code, "status", *options, stdout=theirs, env=environment)
    child.communicate()
    os.close(theirs)
    assert (b"\x1b[" in os.read(ours, 10_000)) is not bool(options or no_color)
    os.close(ours)
    out, _ = start(code, "status", env=environment).communicate()
    assert b"\x1b" not in out


@pytest.mark.parametrize("locale", ["C", "POSIX", "en_US.ISO-8859-1"])
def test_json_is_utf_8_in_every_locale(locale: str) -> None:
    environment = {**os.environ, "LC_ALL": locale, "PYTHONIOENCODING": "", "PYTHONUTF8": "0"}
    out, _ = start("answer = {'title': 'Am\\u00e9lie'}", "status", "--json", env=environment).communicate()
    assert out == '{"title":"Amélie"}\n'.encode()


def test_an_argument_that_is_not_utf_8_is_a_usage_error() -> None:
    child = start(STATUS, "status", "-C", b"\xff")  # type: ignore[arg-type]  # bytes, as an operating system may give
    assert child.communicate()[1] == b"error: an argument is not valid UTF-8; write it in UTF-8\n"
    assert child.returncode == 2


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["recomend"], "did you mean recommend?"),
        (["campaign", "updat"], "did you mean update?"),
        (["train", "--mode", "update"], "did you mean solution train?"),
        (["report"], "did you mean campaign report?"),
        (["campaign", "zzz"], "choose one of create, update, list, describe, report, delete"),
        (["campaign"], "choose one of create, update, list, describe, report, delete"),
        (["recommend", "--usr", "1"], "--user"),
        (["recommend"], "give --user, or --input with --output"),
        (["recommend", "--input", "a", "--output", "b", "--explain"], "itemList"),
        (["recommend", "--user", "1", "-k", "501"], "--help"),
        (["recommend", "--user", "1", "--filter-value", "GENRE"], "write --filter-value KEY=VALUE"),
        (["recommend", "--input", "u.jsonl"], "--input without --output: nowhere to write the answers"),
        (["recommend", "--output", "o.jsonl"], "--output without --input: nobody to recommend for"),
        (["recommend", "--user", "1", "--input", "u.jsonl"], "--user and --input: one user or many?"),
        (["recommend", "--user", "1", "--output", "o.jsonl"], "give --user, or --input with --output"),
        (
            ["recommend", "--input", "-", "--output", "o.jsonl"],
            "--input -: the lines are read more than once",
        ),
        (["recommend", "--input", "u.jsonl", "--output", "-"], "--output -: the answers replace a file"),
        (["dataset", "import", "actions", "a.csv"], "--help"),
        (["events", "put", "-", "--user", "1"], "give one or the other"),
        (["status", "--lock-timeout", "soon"], "--help"),
        (["create-solution-version"], "here: newfound solution train [NAME] --mode full|update"),
        (["get-recommendations", "--user-id", "1"], "here: newfound recommend --user USER_ID -k N"),
    ],
)
def test_mistakes_are_exit_2_one_line_and_a_remedy(cli: Cli, arguments: list[str], hint: str) -> None:
    outcome = cli(*arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err.startswith("error: ") and outcome.err.count("\n") == 1 and hint in outcome.err
    as_json = cli(*arguments, "--json").json["error"]
    assert as_json["code"] == "usage" and as_json.keys() == {"code", "message", "hint", "path"}


def test_resources_that_run_out_are_exit_8(cli: Cli, project: Double) -> None:
    for error in (MemoryError(), PermissionError(13, "Permission denied", "data"), ResourceError("full")):
        project.answers["status"] = error
        assert cli("status").code == 8


def test_a_panic_of_native_code_is_an_internal_error_without_traceback(cli: Cli, project: Double) -> None:
    class PanicException(BaseException):
        pass

    project.answers["status"] = PanicException("rust")
    outcome = cli("status")
    assert outcome.code == 1 and outcome.err.count("\n") == 1


def test_no_arguments_show_the_help(cli: Cli) -> None:
    assert cli() == cli("--help")
    assert cli().code == 0


def test_the_help_is_quick_because_nothing_heavy_is_imported() -> None:
    code = "import sys; from newfound_cli.dispatch import run; run(['--help']); print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    loaded = {name.partition(".")[0] for name in out.splitlines()[-1].split()}
    assert not loaded & {"rich", "polars", "jax", "numpy", "deltalake", "orjson", "fastavro"}
    assert "newfound_cli.recommend" not in out


def test_a_short_command_imports_no_library_of_validators_or_tables() -> None:
    code = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
    child = start(f"{code}{STATUS}", "status", "--json", "--lock-timeout", "2", "-C", "shop")
    loaded = {name.partition(".")[0] for name in child.communicate()[1].decode().split()}
    assert "typer" in loaded and not loaded & {"pydantic", "rich", "numpy", "polars", "jax"}


def test_a_put_imports_neither_polars_nor_a_library_of_tables(tmp_path: Path) -> None:
    assert run(["init", "-q", str(tmp_path)]) == 0
    code = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr))\n"
    code += "from newfound_cli.main import main; main()"
    line = ["-C", str(tmp_path), "-q", "events", "put", "--user", "u", "--item", "i"]
    done = subprocess.run([sys.executable, "-c", code, *line], capture_output=True, check=True, text=True)
    assert done.stdout.startswith("accepted")
    loaded = set(done.stderr.split())
    assert "numpy" in loaded and not loaded & {"deltalake", "jax", "numpy.ma", "polars", "rich"}


def test_running_twice_in_one_process_is_the_same(cli: Cli) -> None:
    assert cli("status") == cli("status")
    assert run(["status", "-q"]) == 0
