"""Paths that users name."""

from __future__ import annotations

import gzip
import io
import os
import re
import threading
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import polars as pl
import pytest

from newfound.dataset.sources import open_sources, renamed
from newfound.errors import InputRefusedError, NotFoundError, ResourceError, SchemaError

WriteFile = Callable[[str, bytes], str]


def first_column(paths: list[str]) -> list[str]:
    return [
        value
        for source in open_sources(paths)
        for batch in source.batches()
        for value in batch.frame.to_series()
    ]


def test_a_folder_is_read_in_the_order_of_names_and_only_its_data(
    write_file: WriteFile, tmp_path: Path
) -> None:
    for name in ("f/b.csv", "f/a.CSV", "f/sub/c.csv"):
        write_file(name, f"A,B\n{name},1\n".encode())
    for name in ("f/_SUCCESS", "f/.hidden.csv", "f/_part.csv", "f/notes.txt"):
        write_file(name, b"no data")
    assert first_column([str(tmp_path / "f")]) == ["f/a.CSV", "f/b.csv"]


@pytest.mark.parametrize("names", [(), ("notes.txt", "_x.csv")])
def test_a_folder_without_data_is_refused(
    write_file: WriteFile, tmp_path: Path, names: tuple[str, ...]
) -> None:
    (tmp_path / "f").mkdir()
    for name in names:
        write_file(f"f/{name}", b"A\n1\n")
    with pytest.raises(InputRefusedError, match="no data in the folder"):
        open_sources([tmp_path / "f"])


def test_a_path_is_no_pattern(write_file: WriteFile, tmp_path: Path) -> None:
    write_file("x1.csv", b"A,B\nwrong,1\n")
    path = write_file("x[1].csv", b"A,B\nright,1\n")
    assert first_column([path]) == ["right"]
    with pytest.raises(NotFoundError):
        first_column([str(tmp_path / "*.csv")])


def test_a_kind_of_file_that_is_not_known_is_refused(write_file: WriteFile) -> None:
    with pytest.raises(InputRefusedError, match="unknown kind of file"):
        open_sources([write_file("a.xlsx", b"PK")])


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.jsonl", "a.ndjson.gz", "a.parquet"])
def test_a_missing_file_is_not_found_and_an_empty_one_is_refused(
    write_file: WriteFile, tmp_path: Path, name: str
) -> None:
    with pytest.raises(NotFoundError):
        first_column([str(tmp_path / name)])
    with pytest.raises(InputRefusedError):
        first_column([write_file(name, b"")])


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(InputRefusedError, match="not a regular file"):
        first_column([str(tmp_path / "a.csv")])


def test_a_file_that_may_not_be_read_is_a_matter_of_permission(
    write_file: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = write_file("a.csv", b"A,B\n1,2\n")
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ResourceError, match="Permission denied"):
        first_column([path])


def test_columns_go_by_the_names_of_fields(write_file: WriteFile) -> None:
    path = write_file("a.csv", b"user,item,SEQ\nu,i,5\n")
    [source] = renamed(open_sources([path]), {"user": "USER_ID", "SEQ": "TIMESTAMP"})
    assert source.path == path
    assert source.columns() == ["USER_ID", "item", "TIMESTAMP"]
    assert [batch.frame.columns for batch in source.batches() if batch.frame.height] == [source.columns()]


def test_a_mapping_of_an_absent_column_or_to_a_taken_name_is_refused(write_file: WriteFile) -> None:
    sources = open_sources([write_file("a.csv", b"user,USER_ID\nu,i\n")])
    with pytest.raises(SchemaError, match=r"no column \[usr\] to map"):
        renamed(sources, {"usr": "USER_ID"})
    with pytest.raises(SchemaError, match="two columns are named USER_ID"):
        renamed(sources, {"user": "USER_ID"})[0].columns()


class ObjectStore(BaseHTTPRequestHandler):
    """Serves the files of a folder, whole or in ranges."""

    def __init__(self, folder: Path, *args: object) -> None:
        self.folder = folder
        super().__init__(*args)  # type: ignore[arg-type]  # handed on as it came

    def do_GET(self) -> None:
        file = self.folder / self.path.lstrip("/")
        if "secret" in self.path:
            self.send_error(403)
            return
        if not file.is_file():
            self.send_error(404)
            return
        content = file.read_bytes()
        span = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        first, last = 0, len(content) - 1
        if span:
            first = int(span[1]) if span[1] else max(0, len(content) - int(span[2]))
            last = min(last, int(span[2])) if span[1] and span[2] else last
        self.send_response(206 if span else 200)
        self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        self.send_header("Content-Length", str(last + 1 - first))
        self.send_header("Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content[first : last + 1])

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def store_url(tmp_path: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(ObjectStore, tmp_path))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_files_behind_urls_are_read_like_local_ones(write_file: WriteFile, store_url: str) -> None:
    buffer = io.BytesIO()
    pl.DataFrame({"A": ["3"]}).write_parquet(buffer)
    write_file("a.csv", b'A,B\n"1\n",x\n')
    write_file("a.csv.gz", gzip.compress(b"A,B\n2,x\n"))
    write_file("a.parquet", buffer.getvalue())
    write_file("a.jsonl", b'{"A": "4"}\n')
    urls = [f"{store_url}/a.{suffix}" for suffix in ("csv", "csv.gz", "parquet", "jsonl")]
    assert first_column(urls) == ["1\n", "2", "3", "4"]


@pytest.mark.parametrize("name", ["secret.csv", "secret.parquet"])
def test_a_store_that_does_not_answer_us_is_a_matter_of_resources(store_url: str, name: str) -> None:
    with pytest.raises(ResourceError) as caught:
        first_column([f"{store_url}/{name}"])
    assert f"{store_url}/{name}" in caught.value.message
    assert "network and your credentials" in caught.value.hint


def test_nobody_is_told_that_polars_asks_for_a_region() -> None:
    with warnings.catch_warnings(action="error"):
        open_sources(["s3://bucket/a.csv"])
        warnings.warn("'(default_)region' not set; polars will try to get it", UserWarning, stacklevel=1)


@pytest.mark.parametrize("name", ["none.csv", "none.parquet"])
def test_a_missing_object_is_refused_with_its_url(store_url: str, name: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        first_column([f"{store_url}/{name}"])
    assert f"{store_url}/{name}" in caught.value.message
