"""`solution train`: FULL or UPDATE, with the options that belong to it."""

from __future__ import annotations

import math
from typing import Any

from newfound.errors import UsageError
from newfound.progress import ProgressCallback
from newfound.store.layout import Layout
from newfound.training.options import FullOptions


def train(
    layout: Layout,
    name: str,
    mode: str,
    options: FullOptions,
    *,
    resume: bool,
    parent: str | None,
    lock_timeout: float,
    progress: ProgressCallback,
) -> dict[str, Any]:
    """Train a new version in the mode `full` or `update`; raise UsageError for an option that has no meaning."""
    if mode == "update":
        if resume or options != FullOptions(options.seed):
            raise UsageError(
                "--resume, --max-minutes, --tune, --in-time and --from-scratch belong to --mode full",
                "an UPDATE takes seconds",
            )
        from newfound.training.update import train_update

        return train_update(layout, name, seed=options.seed, parent=parent, lock_timeout=lock_timeout)
    if mode != "full" or parent is not None:
        problem = f"training mode {mode!r}" if mode != "full" else "--parent in a FULL training"
        raise UsageError(
            f"{problem} has no meaning", "use --mode full, or --mode update with or without --parent"
        )
    if options.max_minutes is not None and not 0 < options.max_minutes < math.inf:
        raise UsageError(
            f"--max-minutes {options.max_minutes:g} is no time", "give minutes above 0, such as 0.5"
        )
    from newfound.training.full import train_full

    return train_full(layout, name, options, resume=resume, lock_timeout=lock_timeout, progress=progress)
