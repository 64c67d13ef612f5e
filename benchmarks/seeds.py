"""Play seeds one by one and keep what each gave: an interrupted campaign goes on where it stood.

A seed's result is one JSON file, in a folder named by what it depends on: the settings and the source code of
newfound and of the benchmark. Other code or other settings begin anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import newfound

Report = dict[str, Any]
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
SOURCES = ("seeds.py", "exploration*.py", "peer_*.py", "truth.py")
CORES = len(os.sched_getaffinity(0))


def default_work() -> Path:
    """Where results and environments lie unless --work says otherwise."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "newfound-benchmarks"


def play_seeds(
    play: Callable[[int], Report], seeds: Sequence[int], settings: Mapping[str, Any], work: Path, jobs: int
) -> list[Report]:
    """Return what `play` gives for each seed, from its file if it has been played; `jobs` processes, a core each.

    `play` is sent to processes: a function of a module, or a partial of one.
    """
    folder = work / f"{settings['benchmark']}-{_fingerprint(settings)}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.json").write_text(json.dumps(dict(settings), indent=1))
    files = {seed: folder / f"seed-{seed}.json" for seed in seeds}
    missing = [seed for seed in seeds if not files[seed].exists()]
    print(f"{folder}: {len(missing)} of {len(seeds)} seeds to play", file=sys.stderr, flush=True)
    if jobs > 1:
        os.environ.update(dict.fromkeys(THREADS, "1"))  # for the children, which begin from nothing
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        futures = {pool.submit(play, seed): seed for seed in missing}
        for future in as_completed(futures):
            seed = futures[future]
            _replace(files[seed], json.dumps(future.result()))
            print(f"seed {seed} is done", file=sys.stderr, flush=True)
    return [json.loads(files[seed].read_text()) for seed in seeds]


def _fingerprint(settings: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(dict(settings), sort_keys=True).encode())
    core, here = Path(newfound.__file__).parent, Path(__file__).parent
    for path in sorted([*core.rglob("*.py"), *(path for name in SOURCES for path in here.glob(name))]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _replace(path: Path, text: str) -> None:
    part = path.with_suffix(".part")
    part.write_text(text)
    part.replace(path)
