"""The files that a user names: CSV, JSON Lines and Parquet, single, in folders or behind object-store URLs."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from newfound.dataset.batch import Batch, Source
from newfound.dataset.blocks import is_url
from newfound.dataset.csv_source import CsvSource
from newfound.dataset.json_source import JsonSource
from newfound.dataset.parquet_source import ParquetSource
from newfound.errors import InputRefusedError, SchemaError

_READERS: dict[str, Callable[[str], Source]] = {
    ".csv": CsvSource,
    ".csv.gz": CsvSource,
    ".jsonl": JsonSource,
    ".jsonl.gz": JsonSource,
    ".ndjson": JsonSource,
    ".ndjson.gz": JsonSource,
    ".parquet": ParquetSource,
}


def open_sources(paths: Sequence[str | Path]) -> list[Source]:
    """Return a source for every file, a folder's in the order of their names; nothing is read yet.

    A path is taken literally: `*` and `[` are ordinary characters. Raises InputRefusedError for a folder without data
    or a name that does not say what the file is.
    """
    return [source for path in paths for source in _sources(str(path))]


def _sources(path: str) -> list[Source]:
    if is_url(path):
        # polars warns that it asks the store for its region, which needs nobody's attention.
        warnings.filterwarnings("ignore", r"'\(default_\)region' not set", UserWarning)
        return [_source(path)]
    if not Path(path).is_dir():
        return [_source(path)]
    names = sorted(entry.name for entry in Path(path).iterdir() if not entry.name.startswith((".", "_")))
    files = [str(Path(path, name)) for name in names if name.lower().endswith(tuple(_READERS))]
    if not files:
        raise InputRefusedError(f"{path}: no data in the folder", f"add {', '.join(_READERS)} files", path)
    return [_source(file) for file in files]


def _source(path: str) -> Source:
    for suffix, reader in _READERS.items():
        if path.lower().endswith(suffix):
            return reader(path)
    raise InputRefusedError(f"{path}: unknown kind of file", f"give {', '.join(_READERS)}", path)


@dataclass(frozen=True, slots=True)
class RenamedSource:
    """A source whose columns go by other names."""

    source: Source
    names: Mapping[str, str]

    @property
    def path(self) -> str:
        """Return the path of the file."""
        return self.source.path

    def columns(self) -> list[str]:
        """Return the new names; raise SchemaError if two columns then share one."""
        columns = [self.names.get(name, name) for name in self.source.columns()]
        repeated = next((name for name in columns if columns.count(name) > 1), None)
        if repeated is not None:
            raise SchemaError(f"{self.path}: two columns are named {repeated}", "change --map", self.path)
        return columns

    def batches(self) -> Iterator[Batch]:
        """Read the file from its beginning."""
        for batch in self.source.batches():
            yield replace(batch, frame=batch.frame.rename(dict(self.names), strict=False))


def renamed(sources: Sequence[Source], names: Mapping[str, str]) -> list[Source]:
    """Give columns the names of fields; raise SchemaError for a column that no source has."""
    if not names:
        return list(sources)
    columns = {name for source in sources for name in source.columns()}
    absent = [name for name in names if name not in columns]
    if absent:
        raise SchemaError(
            f"no column [{', '.join(absent)}] to map", f"the columns are {', '.join(sorted(columns))}"
        )
    return [RenamedSource(source, names) for source in sources]
