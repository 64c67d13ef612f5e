"""Read one Parquet file to its end, as a process of its own: what it survives, its caller may read in the same way.

One changed bit in a Parquet file can abort the process that reads it, and a small file can unpack to any size. Nothing
of newfound is imported here. An error goes to standard output, with exit status NOT_FOUND, NOT_READ where the disk or
the object store failed, else 1.
"""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterator

import polars as pl

ROWS = 500_000
NOT_FOUND, NOT_READ = 2, 3


def frames(path: str) -> Iterator[pl.DataFrame]:
    """Yield the rows of a file or object-store URL, some hundred thousand at a time."""
    yield from pl.scan_parquet(path, glob=False).collect_batches(chunk_size=ROWS)


def main(path: str) -> None:
    """Read all rows; raise ValueError for a NUL character in a text."""
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for frame in frames(path):
        found = frame.select(pl.col(pl.String).str.contains("\0", literal=True).any()).to_dicts()
        for name in (name for row in found for name, has_nul in row.items() if has_nul):
            raise ValueError(f"a NUL character in column {name}")


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        sys.stdout.write(str(error).partition("\n")[0])
        failed = NOT_READ if isinstance(error, OSError) else 1
        sys.exit(NOT_FOUND if isinstance(error, FileNotFoundError) else failed)
