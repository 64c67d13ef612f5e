"""Environments of a benchmark's own: other people's libraries, which newfound does not depend on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]


def make_environment(folder: Path, wanted: Sequence[str]) -> Path:
    """Make the environment in `folder` if it is not there, with what pip is to install; returns its python.

    A half-made one lacks its mark and is finished.
    """
    python, mark = folder / "bin" / "python", folder / "complete"
    if not mark.exists():
        print(f"making {folder}: {' '.join(wanted)}", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True)
        mark.touch()
    return python


def enter(folder: Path, packages: Sequence[str]) -> None:
    """Go on in the environment in `folder`, which holds newfound, its pinned versions and `packages`.

    The process is replaced: nothing after this call runs outside.
    """
    folder = folder.resolve()
    if Path(sys.prefix).resolve() == folder:
        return
    own = ("--constraint", str(ROOT / "constraints.txt"), "--editable", str(ROOT))
    python = make_environment(folder, [*own, *packages])
    os.execv(python, [str(python), *sys.argv])
