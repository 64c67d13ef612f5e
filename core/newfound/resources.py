"""Files that ship inside the package: built-in schema documents and the sample data."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def schemas() -> Path:
    """The folder of the built-in schema documents; `output/` in it holds the JSON Schemas of every `--json` output."""
    return _folder("newfound.schemas")


def sample_data() -> Path:
    """The folder of the synthetic movie data set."""
    return _folder("newfound.sample_data")


def _folder(package: str) -> Path:
    return Path(str(files(package).joinpath("")))
