"""Checkpoints of training: one Orbax directory an epoch, sealed with the hash of every file."""

from __future__ import annotations

import shutil
from hashlib import blake2b
from pathlib import Path
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from newfound.errors import DamagedError, UsageError
from newfound.model.config import TrainingConfig
from newfound.model.data import TrainingData
from newfound.model.epoch import Run
from newfound.store import files


def fingerprint(data: TrainingData, config: TrainingConfig) -> str:
    """Digest everything that decides the arrays, so that a checkpoint only continues its own training."""
    digest = blake2b(repr((config, data.n_items, data.n_types)).encode(), digest_size=16)
    arrays: list[NDArray[Any]] = [
        data.offsets,
        data.ends,
        data.items,
        data.times,
        data.types,
        data.validation_users,
    ]
    if data.features:
        arrays += [data.features.offsets, data.features.tokens]
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def save(directory: Path, run: Run, mark: str) -> None:
    """Write the state after an epoch durably, then remove the checkpoint before it."""
    import orbax.checkpoint as ocp

    name = f"epoch-{int(run.epoch):04d}"
    files.make_directory(directory)
    folder = directory / name
    for stray in directory.iterdir():
        if stray.is_dir() and not (directory / f"{stray.name}.json").exists():
            shutil.rmtree(stray)  # debris of a killed run
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(folder.absolute(), run, force=True)
    for path in sorted(folder.rglob("*"), reverse=True):
        files.fsync_directory(path) if path.is_dir() else files.fsync_file(path)
    files.fsync_directory(folder)
    files.write_json(directory / f"{name}.json", {"fingerprint": mark, "files": _hashes(folder)})
    for old in directory.glob("epoch-*.json"):
        if old.stem != name:
            old.unlink()
            shutil.rmtree(directory / old.stem, ignore_errors=True)


def restore(directory: Path, template: Run, mark: str) -> Run | None:
    """Read the newest complete checkpoint; None without one.

    Raises UsageError if it belongs to other data or settings, DamagedError if a byte of it changed.
    """
    import orbax.checkpoint as ocp

    manifests = sorted(directory.glob("epoch-*.json"))
    if not manifests:
        return None
    manifest = files.read_json(manifests[-1])
    if manifest["fingerprint"] != mark:
        raise UsageError(
            f"{manifests[-1]}: the checkpoint belongs to other data or settings",
            hint="train without --resume",
        )
    folder = manifests[-1].with_suffix("")
    if _hashes(folder) != manifest["files"]:
        raise DamagedError(
            f"{folder}: the checkpoint is not what was written",
            hint="train without --resume",
            path=str(folder),
        )
    with ocp.StandardCheckpointer() as checkpointer:
        run: Run = checkpointer.restore(folder.absolute(), jax.tree.map(np.asarray, template))
    return run


def _hashes(folder: Path) -> dict[str, str]:
    """Hash every file of a checkpoint, by its path inside it."""
    paths = (path for path in sorted(folder.rglob("*")) if not path.is_dir())
    return {path.relative_to(folder).as_posix(): files.sha256_file(path) for path in paths}
