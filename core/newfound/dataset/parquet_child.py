"""Read one Parquet file and write its rows to standard output, as a process of its own.

One changed bit in a Parquet file can abort the process that reads it, and a small file can unpack to any size. Nothing
of newfound is imported here. The output is a sequence of messages: a byte `F` (frame, Arrow IPC stream) or `E` (error,
text), the length in 8 bytes, the content; the first frame is empty and shows the columns.
"""

from __future__ import annotations

import io
import os
import resource
import sys

import polars as pl

ROWS = 500_000


def main(path: str) -> None:
    """Send the rows of a file or object-store URL, then exit with 0; an error is sent and exits with 1."""
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        scan = pl.scan_parquet(path, glob=False)
        send_frame(scan.head(0).collect())
        for frame in scan.collect_batches(chunk_size=ROWS):
            send_frame(frame)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        send(b"E", str(error).partition("\n")[0].encode())
        sys.exit(1)


def send_frame(frame: pl.DataFrame) -> None:
    """Send rows; raise ValueError for a NUL character in a text."""
    for name in frame.columns:
        if frame[name].dtype == pl.String and frame[name].str.contains("\0", literal=True).any():
            raise ValueError(f"a NUL character in column {name}")
    buffer = io.BytesIO()
    frame.write_ipc_stream(buffer)
    send(b"F", buffer.getvalue())


def send(kind: bytes, content: bytes) -> None:
    """Send one message."""
    sys.stdout.buffer.write(kind + len(content).to_bytes(8, "little") + content)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(sys.argv[1])
