"""Begin a FULL from the last one's weights: which version that is, and whether it is whole."""

from __future__ import annotations

from typing import Any

from newfound.recipes.warm_start import NEEDED, OPTIONAL
from newfound.serving.bundle import BASE, Bundle, open_bundle
from newfound.store.files import sha256_file
from newfound.store.layout import Layout
from newfound.store.versions import Version, find_version, newest_parent


def full_to_begin_from(layout: Layout, name: str, seed: int) -> str | None:
    """Name the newest FULL version from whose weights another may begin.

    It must be of the same seed, which decides who is withheld, say what it saw, and be undamaged.
    """
    newest = newest_parent(layout, name)
    if newest is None:
        return None
    full = find_version(layout, newest.record["full"])
    return full.name if full.record["seed"] == seed and _weights_intact(full) else None


def _weights_intact(full: Version) -> bool:
    sums = full.record["files"]
    paths = {name: full.serving / BASE / f"{name}.npy" for name in (*NEEDED, *OPTIONAL)}
    known = {name: sums.get(str(path.relative_to(full.folder))) for name, path in paths.items()}
    return all(
        known[name] == sha256_file(path) if path.exists() else name in OPTIONAL and known[name] is None
        for name, path in paths.items()
    )


def weights_to_begin_from(layout: Layout, record: dict[str, Any]) -> Bundle | None:
    """Open the bundle that a version's record begins from, None for none."""
    name = record.get("beginFrom")
    return None if name is None else open_bundle(find_version(layout, name).serving)
