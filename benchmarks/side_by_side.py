"""Run commands alternately, so that whatever else the machine does slows all of them, and compare medians."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

Report = dict[str, object]


@dataclass(frozen=True, slots=True)
class Run:
    """One finished process: wall seconds, and the peak of its resident memory in megabytes."""

    seconds: float
    megabytes: float


def run(command: Sequence[str]) -> Run:
    """Run one command with its output thrown away; raise CalledProcessError if it fails."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        assert process.stderr is not None
        raise subprocess.CalledProcessError(process.returncode, command, stderr=process.stderr.read())
    return Run(seconds, usage.ru_maxrss / 1024)


def compare(
    figure: str,
    command: Sequence[str],
    yardstick: str,
    other: Sequence[str],
    *,
    limit: float,
    limited_by: str,
    peak_limit: float | None = None,
    rounds: int = 15,
) -> Report:
    """Measure a command against its yardstick; `limit` is the ratio not to exceed, `peak_limit` in megabytes."""
    run(command), run(other)  # files and bytecode are in memory from here on
    pairs = [(run(command), run(other)) for _ in range(rounds)]
    ours, theirs = (median(pair[k].seconds for pair in pairs) for k in (0, 1))
    return {
        "figure": figure,
        "yardstick": yardstick,
        "limit": limit,
        "ratio": round(ours / theirs, 2),
        "seconds": round(ours, 4),
        "yardstickSeconds": round(theirs, 4),
        "peakMegabytes": round(max(pair[0].megabytes for pair in pairs)),
        "peakLimitMegabytes": peak_limit,
        "rounds": rounds,
        "limitedBy": limited_by,
    }
