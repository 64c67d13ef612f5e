"""An environment of a benchmark's own: other people's libraries beside newfound, which does not depend on them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]


def enter(folder: Path, packages: Sequence[str]) -> None:
    """Go on in the environment in `folder`, made first if it is not there: newfound, its pinned versions, `packages`.

    A half-made one lacks its mark and is finished. The process is replaced: nothing after this call runs outside.
    """
    folder = folder.resolve()
    if Path(sys.prefix).resolve() == folder:
        return
    python, mark = folder / "bin" / "python", folder / "complete"
    if not mark.exists():
        print(f"making {folder}: {', '.join(packages)}", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        wanted = ["--constraint", str(ROOT / "constraints.txt"), "--editable", str(ROOT), *packages]
        subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True)
        mark.touch()
    os.execv(python, [str(python), *sys.argv])
